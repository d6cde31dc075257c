// The views over a list: the one that is shown, the one it was before its filters were changed, and
// the filters that would be saved, as htmx changes them.
import { all, first, one } from "./elements.js";
import { keep, kept } from "./keeping.js";

/** What an address says behind its question mark, in one order. @param {string} search */
function normalized(search) {
  const pairs = [...new URLSearchParams(search)].filter(
    ([name, value]) => value && name !== "offset" && name !== "limit",
  );
  return pairs
    .map((pair) => pair.join("="))
    .sort()
    .join("&");
}

const key = `view:${one("[data-views]", HTMLElement).dataset.views}`;
/** The view that was chosen last; sorting opens another page. */
let chosen = kept(key, "sessionStorage") ?? "";

/** @param {string} id */
function choose(id) {
  chosen = id;
  keep(key, id, "sessionStorage");
}

function follow() {
  const shown = normalized(location.search);
  for (const chip of all(".view-chips a", HTMLAnchorElement)) {
    const isShown = normalized(chip.search) === shown;
    if (isShown) chip.setAttribute("aria-current", "true");
    else chip.removeAttribute("aria-current");
    if (isShown) choose(chip.dataset.view ?? "");
  }
  for (const field of all("[data-view-query]", HTMLInputElement)) field.value = location.search;
  const edit = first("[data-view-edit]", HTMLElement);
  if (edit) edit.hidden = normalized(begun) !== shown;
  offerUpdate();
}

/** Offer to replace the filters of the view that was chosen, where others are shown by now. */
function offerUpdate() {
  const update = one("[data-view-update]", HTMLButtonElement);
  const isShown = first(".view-chips [aria-current]", HTMLElement) !== undefined;
  const own = all("#replace-view button", HTMLButtonElement).find(
    (button) => button.dataset.view === chosen,
  );
  update.hidden = isShown || !own;
  if (!own) return;
  update.formAction = own.formAction;
  update.textContent = `Update “${own.textContent.trim()}”`;
}

const begun = location.search;
document.addEventListener("htmx:after:swap", follow);
// htmx has changed the address by then, where it changes it after the swap.
document.addEventListener("htmx:after:push:into:history", follow);
document.addEventListener("toggle", follow, true);
follow();
