// The command palette: what one types is searched, arrows and Enter choose, the last things first.
import { all, around, one } from "./elements.js";
import { keep, kept } from "./keeping.js";

/** What was opened or done last; a deed is searched again, because it may be another one by now.
 * @typedef {{ label: string, hint: string, href?: string }} Recent */

const MAX_RECENT = 6;
const dialog = one("dialog.palette", HTMLDialogElement);
const input = one("input", HTMLInputElement, dialog);
const list = one("[role=listbox]", HTMLElement, dialog);
const status = one("[data-palette-status]", HTMLElement, dialog);
const forms = one("[data-palette-forms]", HTMLElement, dialog);
/** Under what the browser keeps them, for each person by itself. */
const recentKey = dialog.dataset.recent ?? "";
const options = () => all("[role=option]", HTMLElement, list);
let latestSearch = 0;
/** @type {HTMLElement | undefined} */
let chosen;

/** @param {HTMLElement | undefined} option */
function select(option) {
  chosen?.setAttribute("aria-selected", "false");
  chosen = option;
  option?.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", option?.id ?? "");
  option?.scrollIntoView({ block: "nearest" });
}

async function refresh() {
  latestSearch += 1;
  const search = latestSearch;
  const words = input.value.trim();
  const response = await fetch(`${dialog.dataset.from}?q=${encodeURIComponent(words)}`);
  const html = await response.text();
  if (search !== latestSearch) return;
  if (!response.ok) {
    status.textContent = "The server does not answer as it should. Reload the page.";
    return;
  }
  // The server's own escaped fragment, the same that htmx would swap in.
  const found = new DOMParser().parseFromString(html, "text/html");
  list.replaceChildren(...one("[data-options]", HTMLElement, found).children);
  forms.replaceChildren(...one("[data-forms]", HTMLElement, found).children);
  if (!words) showRecent();
  const { length } = options();
  input.setAttribute("aria-expanded", String(length > 0));
  status.textContent = length ? "" : `Nothing is called “${words}”.`;
  select(options()[0]);
}

/** @returns {Recent[]} */
const readRecent = () => JSON.parse(kept(recentKey) ?? "[]");

/** @param {Recent} thing */
function remember(thing) {
  const others = readRecent().filter(({ label }) => label !== thing.label);
  keep(recentKey, JSON.stringify([thing, ...others].slice(0, MAX_RECENT)));
}

function showRecent() {
  const recent = readRecent();
  if (!recent.length) return;
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", "palette-recent");
  const heading = document.createElement("h2");
  heading.id = "palette-recent";
  heading.setAttribute("role", "presentation");
  heading.textContent = "Recent";
  group.append(heading, ...recent.map(recentOption));
  list.prepend(group);
}

/**
 * @param {Recent} thing
 * @param {number} at
 */
function recentOption({ label, hint, href }, at) {
  const option = document.createElement(href ? "a" : "button");
  if (option instanceof HTMLAnchorElement) option.href = href ?? "";
  else option.dataset.words = label;
  option.id = `recent-${at}`;
  option.tabIndex = -1;
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  for (const [text, style] of [
    [label, ""],
    [hint, "muted small"],
  ]) {
    const part = document.createElement("span");
    part.className = style;
    part.textContent = text;
    option.append(part);
  }
  return option;
}

/** Open the palette, empty. */
export function openPalette() {
  if (dialog.open) return;
  input.value = "";
  list.replaceChildren();
  dialog.showModal();
  refresh();
}

/** @param {HTMLElement} option */
function choose(option) {
  const { words, script } = option.dataset;
  if (words) {
    input.value = words;
    input.focus();
    refresh();
    return;
  }
  const [label = "", hint = ""] = all("span", HTMLElement, option).map((part) =>
    part.querySelector("kbd") ? "" : (part.textContent ?? ""),
  );
  const href = option instanceof HTMLAnchorElement ? option.getAttribute("href") : null;
  remember({ label, hint, ...(href && { href }) });
  dialog.close();
  if (script) document.dispatchEvent(new CustomEvent("callboard:do", { detail: script }));
}

for (const button of all("[data-palette]", HTMLElement)) {
  button.addEventListener("click", openPalette);
}
input.addEventListener("input", refresh);
input.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Escape") {
    // A search field would take the first Escape for emptying itself.
    event.preventDefault();
    dialog.close();
  }
  const items = options();
  const at = chosen ? items.indexOf(chosen) : -1;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    select(items[(at + step + items.length) % items.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    chosen?.click();
  }
});
list.addEventListener("click", (event) => {
  const option = around(event, "[role=option]");
  if (option) choose(option);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
// Who comes next at this browser is not told what was open.
document.addEventListener("submit", ({ target }) => {
  if (target instanceof HTMLFormElement && target.getAttribute("action")?.endsWith("/sign-out"))
    keep(recentKey, null);
});
// A thing's page is what one may want again, by its name in front of the application's.
if (dialog.hasAttribute("data-remembered")) {
  const label = document.title.replace(/ · Callboard$/, "");
  remember({ label, hint: "", href: location.pathname });
}
