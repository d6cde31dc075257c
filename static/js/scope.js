// A tree to tick topics in, beside the picker that has the chosen ones: a topic below a chosen one is
// included, by whatever way it hangs there; one above says how many below it are chosen.
import { all, first, one } from "./elements.js";
import { add, remove, tell } from "./topics.js";

/** @param {string} id a topic's, as `data-above` has it */
const short = (id) => id.replaceAll("-", "").slice(0, 16);

/** @param {HTMLElement} element */
const aboveOf = (element) => (element.dataset.above ?? "").split(" ").filter(Boolean);

/** @param {HTMLElement} scope */
function draw(scope) {
  const chips = all(".chip", HTMLElement, scope);
  const chosen = new Set(chips.map((chip) => short(one("input", HTMLInputElement, chip).value)));
  /** @type {Map<string, number>} */
  const below = new Map();
  for (const id of chips.flatMap(aboveOf)) below.set(id, (below.get(id) ?? 0) + 1);
  for (const box of all("[data-tree] input", HTMLInputElement, scope)) {
    const id = short(box.value);
    const isChosen = chosen.has(id);
    const isIncluded = !isChosen && aboveOf(box).some((other) => chosen.has(other));
    const count = below.get(id) ?? 0;
    box.removeAttribute("name"); // the chips are what is sent
    box.checked = isChosen || isIncluded;
    box.disabled = isIncluded;
    box.indeterminate = !box.checked && count > 0;
    note(box, isIncluded ? "included" : box.indeterminate ? `${count} chosen below` : "");
  }
}

/**
 * @param {HTMLInputElement} box
 * @param {string} text
 */
function note(box, text) {
  const label = box.closest("label");
  if (!label) return;
  let element = first(".note", HTMLElement, label);
  if (!text) return element?.remove();
  if (!element) {
    element = document.createElement("span");
    element.className = "note muted small";
    label.append(" ", element);
  }
  element.textContent = text;
}

for (const scope of all("[data-scope]", HTMLElement)) {
  const picker = one(".topic-picker", HTMLElement, scope);
  scope.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement && target.closest("[data-tree]")) {
      const path = target.closest("label")?.title ?? "";
      if (target.checked) add(picker, target.value, path, target.dataset.above);
      else remove(picker, target.value);
      tell(picker);
    } else {
      draw(scope);
    }
  });
  scope.addEventListener("grown", () => draw(scope));
  draw(scope);
}
