// Trees that fetch a branch when it is opened.
import { around, one } from "./elements.js";

/** @param {string} url */
async function fetchPart(url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } });
  if (!answer.ok) throw new Error(`The branch cannot be read: ${answer.status}.`);
  return await answer.text();
}

/** @param {HTMLElement} tree */
const tellGrown = (tree) => tree.dispatchEvent(new Event("grown", { bubbles: true }));

/**
 * Open or close the branch of a twist; what it has not yet is fetched.
 * @param {HTMLElement} twist
 * @param {boolean} isOpen
 */
async function turn(twist, isOpen) {
  const branch = twist.closest("li")?.querySelector(":scope > ul");
  if (!(branch instanceof HTMLElement)) return;
  twist.ariaExpanded = `${isOpen}`; // which shows or hides the branch
  if (!isOpen || branch.childElementCount || branch.ariaBusy === "true") return;
  branch.ariaBusy = "true"; // drawn as a skeleton
  try {
    branch.innerHTML = await fetchPart(twist.getAttribute("href") ?? "");
    tellGrown(branch);
  } catch {
    twist.ariaExpanded = "false";
  } finally {
    branch.ariaBusy = "false";
  }
}

/** @param {HTMLElement} item the one that offers to show more */
async function showMore(item) {
  const link = one("a", HTMLAnchorElement, item);
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  try {
    const part = document.createElement("template");
    part.innerHTML = await fetchPart(link.href);
    const [first] = part.content.querySelectorAll("a, input");
    const list = item.parentElement;
    item.replaceWith(part.content);
    if (list) tellGrown(list);
    if (first instanceof HTMLElement) first.focus();
  } catch {
    link.ariaBusy = "false";
  }
}

document.addEventListener("click", (event) => {
  const twist = around(event, "[data-tree] .twist");
  const more = around(event, "[data-tree] .more");
  if (event.ctrlKey || event.metaKey || event.shiftKey || (!twist && !more)) return;
  event.preventDefault();
  if (twist) turn(twist, twist.ariaExpanded !== "true");
  if (more && event.target instanceof HTMLAnchorElement) showMore(more);
});

document.addEventListener("keydown", (event) => {
  const twist = around(event, "[data-tree] .twist");
  if (!twist) return;
  if (event.key === " " || event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    const isOpen = twist.ariaExpanded === "true";
    turn(twist, event.key === " " ? !isOpen : event.key === "ArrowRight");
  }
});
