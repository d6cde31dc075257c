// The command palette: Ctrl K, a search as one types, arrows and Enter.
import { one } from "./elements.js";

const dialog = one("dialog.palette", HTMLDialogElement);
const input = one("input", HTMLInputElement, dialog);
const results = one(".palette-results", HTMLElement, dialog);
const links = () => [...results.querySelectorAll("a")];
let latestSearch = 0;

/** @param {number} index */
const select = (index) => {
  const items = links();
  for (const [at, item] of items.entries()) {
    item.setAttribute("aria-selected", String(at === index));
  }
  const chosen = items[index];
  input.setAttribute("aria-activedescendant", chosen?.id || "");
  chosen?.scrollIntoView({ block: "nearest" });
};
const refresh = async () => {
  latestSearch += 1;
  const search = latestSearch;
  const response = await fetch(`${dialog.dataset.from}?q=${encodeURIComponent(input.value)}`);
  const html = await response.text();
  if (search !== latestSearch || !response.ok) return;
  // The server's own escaped fragment, the same that htmx would swap in.
  results.innerHTML = html;
  select(0);
};
export const openPalette = () => {
  if (dialog.open) return;
  dialog.showModal();
  input.select();
  refresh();
};
for (const button of document.querySelectorAll("[data-palette]")) {
  button.removeAttribute("hidden");
  button.addEventListener("click", openPalette);
}
input.addEventListener("input", refresh);
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    // A search field would take the first Escape for emptying itself.
    event.preventDefault();
    dialog.close();
  }
  const items = links();
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    select((at + step + items.length) % items.length);
  } else if (event.key === "Enter") {
    event.preventDefault();
    items[at]?.click();
  }
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
