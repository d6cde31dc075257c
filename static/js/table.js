// Lists: rows that are chosen together, columns that are hidden, and steps from row to row.
import { all, around, first } from "./elements.js";

const YEAR = 365 * 86400;

const ticks = () => all("[name=id]", HTMLInputElement);

function showChosen() {
  const count = first("[data-tick-count]", HTMLElement);
  const bar = count?.closest("form");
  if (!count || !bar) return;
  const chosen = ticks().filter((tick) => tick.checked).length;
  const isAll = first("[name=all]", HTMLInputElement, bar)?.checked ?? false;
  count.textContent = isAll ? "" : `${chosen} selected`;
  for (const clear of all("[data-tick-none]", HTMLElement, bar)) clear.hidden = false;
  for (const every of all("[data-tick-all]", HTMLInputElement)) {
    every.hidden = false;
    every.checked = chosen > 0 && chosen === ticks().length;
    every.indeterminate = chosen > 0 && chosen < ticks().length;
  }
}

/** @param {boolean} isChosen */
function chooseAll(isChosen) {
  for (const tick of ticks()) tick.checked = isChosen;
  if (!isChosen) for (const whole of all("[name=all]", HTMLInputElement)) whole.checked = false;
  showChosen();
}

/** Say how many filters are set that a phone does not show. */
function countFilters() {
  const fold = first(".more-filters", HTMLElement);
  const count = fold && first("[data-filter-count]", HTMLElement, fold);
  if (!count) return;
  const selects = all("select", HTMLSelectElement, fold);
  const inputs = all("input:not([type=checkbox]), input:checked", HTMLInputElement, fold);
  const number = [...selects, ...inputs].filter(({ name, value }) => name && value).length;
  count.hidden = !number;
  count.textContent = `${number} set`;
}

/** @param {HTMLElement} menu */
function rememberColumns(menu) {
  const hidden = all("input", HTMLInputElement, menu)
    .filter((box) => !box.checked)
    .map((box) => box.value);
  const path = document.documentElement.dataset.root || "/";
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser
  document.cookie = `columns-${menu.dataset.columns}=${hidden.join(".")}; path=${path}; max-age=${YEAR}; samesite=lax`;
  const list = first(`#${menu.dataset.columns}`, HTMLElement);
  if (list) window.htmx.trigger(list, "refresh");
}

const rowInFocus = () => document.activeElement?.closest(".table tr");

/** Focus the title of the next row, or of the one before. @param {1 | -1} by */
export function stepRows(by) {
  const titles = all(".table .row-title", HTMLAnchorElement);
  const at = titles.findIndex((title) => title.closest("tr") === rowInFocus());
  const next = by > 0 ? at + 1 : Math.max(at, 1) - 1;
  titles[Math.min(next, titles.length - 1)]?.focus();
}

/** Choose the row in focus, or let it go. */
export function tickRow() {
  const row = rowInFocus();
  if (row) first("[name=id]", HTMLInputElement, row)?.click();
}

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target instanceof HTMLInputElement && "tickAll" in target.dataset) chooseAll(target.checked);
  const menu = around(event, "[data-columns]");
  if (menu) rememberColumns(menu);
  showChosen();
  countFilters();
});
document.addEventListener("click", (event) => {
  if (around(event, "[data-tick-none]")) chooseAll(false);
  for (const menu of all("details.dropdown[open]", HTMLDetailsElement)) {
    if (!(event.target instanceof Node && menu.contains(event.target))) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && around(event, "details.dropdown[open]");
  if (!menu) return;
  menu.removeAttribute("open");
  first("summary", HTMLElement, menu)?.focus();
});
document.addEventListener("htmx:after:swap", showChosen);
showChosen();
