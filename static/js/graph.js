// Brings out what belongs to the box of a graph that is pointed at or has the focus.
import { all } from "./elements.js";

/** @param {SVGElement} graph @param {string | undefined} node */
function choose(graph, node) {
  const near = new Set([node]);
  for (const arrow of all(".arrow", SVGElement, graph)) {
    const { source, target } = arrow.dataset;
    const isIts = node !== undefined && (source === node || target === node);
    arrow.classList.toggle("chosen", isIts);
    if (isIts) near.add(source).add(target);
  }
  for (const box of all("[data-node]", SVGElement, graph)) {
    box.classList.toggle("near", near.has(box.dataset.node));
  }
  graph.classList.toggle("has-chosen", node !== undefined);
}

for (const graph of all(".graph svg", SVGElement)) {
  /** @param {Event} event */
  const look = ({ target }) => {
    const box = target instanceof Element ? target.closest("[data-node]") : null;
    choose(graph, box instanceof SVGElement ? box.dataset.node : undefined);
  };
  graph.addEventListener("pointerover", look);
  graph.addEventListener("focusin", look);
  const leave = () => choose(graph, undefined);
  graph.addEventListener("pointerleave", leave);
  graph.addEventListener("focusout", leave);
}
