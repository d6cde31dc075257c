// The views over a list: the one that is shown, and the filters that would be saved, as htmx changes them.
import { all, first } from "./elements.js";

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

function follow() {
  const shown = normalized(location.search);
  for (const chip of all(".view-chips a", HTMLAnchorElement)) {
    if (normalized(chip.search) === shown) chip.setAttribute("aria-current", "true");
    else chip.removeAttribute("aria-current");
  }
  for (const field of all("[data-view-query]", HTMLInputElement)) field.value = location.search;
  const edit = first("[data-view-edit]", HTMLElement);
  if (edit) edit.hidden = normalized(begun) !== shown;
}

const begun = location.search;
document.addEventListener("htmx:after:swap", follow);
// htmx has changed the address by then, where it changes it after the swap.
document.addEventListener("htmx:after:push:into:history", follow);
document.addEventListener("toggle", follow, true);
follow();
