// The command palette: what one types is searched, arrows and Enter choose, the last things first.
// Pages and actions are there at once, as the server has last said them; the rest comes when it comes.
import { all, around, one } from "./elements.js";
import { keep, kept } from "./keeping.js";

/** @typedef {{ label: string, hint: string, href?: string }} Recent */

const MAX_RECENT = 6;
/** How long the server is waited for, in milliseconds. */
const PATIENCE = 15000;
const AWAY = "The server does not answer. Only pages and actions are found.";
const ODD = "The server does not answer as it should. Reload the page.";
const dialog = one("dialog.palette", HTMLDialogElement);
const input = one("input", HTMLInputElement, dialog);
const list = one("[role=listbox]", HTMLElement, dialog);
const status = one("[data-palette-status]", HTMLElement, dialog);
const forms = one("[data-palette-forms]", HTMLElement, dialog);
/** Under what the browser keeps them, for each person by itself. */
const recentKey = dialog.dataset.recent ?? "";
/** Under what the tab keeps the pages and actions, as HTML without things and tokens. */
const ownKey = `own:${recentKey}`;
let own = kept(ownKey, "sessionStorage") ?? "";
const options = () => all("[role=option]", HTMLElement, list);
let latestSearch = 0;
/** Whether Enter was pressed before there was anything to choose. */
let isEntered = false;
/** Whether another line than the first was chosen, which stays chosen. */
let hasMoved = false;
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

/**
 * What the server finds, as HTML.
 * @param {string} words
 * @throws {Error} that says why there is none
 */
async function ask(words) {
  const { from, agent = "" } = dialog.dataset;
  const address = `${from}?${new URLSearchParams({ q: words, agent })}`;
  const [response, html] = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) })
    .then(async (answer) => /** @type {[Response, string]} */ ([answer, await answer.text()]))
    .catch(() => {
      throw new Error(AWAY);
    });
  if (!response.ok || response.redirected) throw new Error(ODD);
  return html;
}

async function refresh() {
  latestSearch += 1;
  const search = latestSearch;
  const words = input.value.trim();
  isEntered = hasMoved = false;
  if (own) draw(ownThat(words), words);
  if (!options().length) status.textContent = "Searching…";
  let html = "";
  try {
    html = await ask(words);
  } catch (error) {
    if (search === latestSearch && error instanceof Error) status.textContent = error.message;
    return;
  }
  if (!words) learn(html);
  if (search !== latestSearch) return;
  const before = hasMoved ? chosen?.textContent : undefined;
  // The server's own escaped fragment, the same that htmx would swap in.
  draw(new DOMParser().parseFromString(html, "text/html"), words);
  const again = options().find(({ textContent }) => textContent === before);
  if (again) select(again);
  status.textContent = options().length ? "" : `Nothing is called “${words}”.`;
  if (isEntered) chosen?.click();
}

/**
 * @param {Document} found
 * @param {string} words
 */
function draw(found, words) {
  list.replaceChildren(...one("[data-options]", HTMLElement, found).children);
  forms.replaceChildren(...one("[data-forms]", HTMLElement, found).children);
  if (!words) showRecent();
  input.setAttribute("aria-expanded", String(options().length > 0));
  select(options()[0]);
}

/** Keep the pages and actions of an answer to no words. @param {string} html */
function learn(html) {
  const found = new DOMParser().parseFromString(html, "text/html");
  for (const group of all("[role=group]:not([data-own])", HTMLElement, found)) group.remove();
  // A form goes with the token of the page that it is sent from.
  for (const token of all("[name=csrf_token]", HTMLInputElement, found))
    token.setAttribute("value", "");
  own = found.body.innerHTML;
  keep(ownKey, own, "sessionStorage");
}

/** The pages and actions of which each of the words begins a word. @param {string} words */
function ownThat(words) {
  const found = new DOMParser().parseFromString(own, "text/html");
  const sought = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const option of all("[role=option]", HTMLElement, found)) {
    const [label] = all("span", HTMLElement, option);
    const names = `${label?.textContent} ${option.dataset.foundBy ?? ""}`
      .toLowerCase()
      .split(/\s+/);
    if (!sought.every((word) => names.some((name) => name.startsWith(word)))) option.remove();
  }
  for (const group of all("[role=group]:not(:has([role=option]))", HTMLElement, found))
    group.remove();
  return found;
}

/** @returns {Recent[]} */
function readRecent() {
  try {
    return JSON.parse(kept(recentKey) ?? "[]");
  } catch {
    return []; // no list of ours
  }
}

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
  select(undefined);
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
  // An answer that comes now would take away the form that is being sent.
  latestSearch += 1;
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
    hasMoved = true;
    select(items[(at + step + items.length) % items.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (chosen) chosen.click();
    else isEntered = true;
  }
});
list.addEventListener("click", (event) => {
  const option = around(event, "[role=option]");
  if (option) choose(option);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
// What comes after that is not chosen, though Enter was pressed before.
dialog.addEventListener("close", () => {
  latestSearch += 1;
});
// Who comes next at this browser is not told what was open.
function forget() {
  keep(recentKey, null);
  keep(ownKey, null, "sessionStorage");
}
document.addEventListener("submit", ({ target }) => {
  if (target instanceof HTMLFormElement && target.getAttribute("action")?.endsWith("/sign-out"))
    forget();
});
// A thing's page is what one may want again, by its name in front of the application's.
if (dialog.hasAttribute("data-remembered")) {
  const label = document.title.replace(/ · Callboard$/, "");
  remember({ label, hint: "", href: location.pathname });
}
// Once for a tab, so that the palette is there without a server.
if (!own) {
  addEventListener("load", () => setTimeout(() => ask("").then(learn, () => {}), 1000));
}
