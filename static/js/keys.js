// The keys of all pages: what each does stands here, `?` lists those of the present page.
// The letters after `g` are those that the entries of the sidebar bring (`Section.key`).
import { all, first, one } from "./elements.js";
import { showTimes } from "./locale.js";
import { openPalette } from "./palette.js";
import { stepRows, tickRow } from "./table.js";

// So long after `g` its letter may come.
const PATIENCE = 1500;

/**
 * Keys that are pressed one after the other. `where` is what the page must show for them; what has
 * no `run` the browser does, or whoever is open.
 * @typedef {{ keys: string[], label: string, group: string, where?: string, run?: () => void }} Key
 */

/** @type {Key[]} */
const KEYS = [
  { keys: ["Ctrl K"], label: "Go to a page, or do something", group: "Everywhere" },
  { keys: ["/"], label: "Search this page", group: "Everywhere", run: search },
  { keys: ["?"], label: "Show these keys", group: "Everywhere", run: showKeys },
  { keys: ["Ctrl Enter"], label: "Send the text", group: "Everywhere", where: "main textarea" },
  { keys: ["Esc"], label: "Close what is open, leave the search", group: "Everywhere" },
  ...all(".nav a[data-key]", HTMLAnchorElement).map((link) => ({
    keys: ["g", link.dataset.key ?? ""],
    label: link.textContent?.trim() ?? "",
    group: "Go to",
    run: () => link.click(),
  })),
  ...[
    { keys: ["j"], label: "Next row", run: () => stepRows(1) },
    { keys: ["k"], label: "Row before", run: () => stepRows(-1) },
    { keys: ["Enter"], label: "Open the row" },
  ].map((key) => ({ ...key, group: "In this list", where: ".table .row-title" })),
  {
    keys: ["x"],
    label: "Select the row",
    group: "In this list",
    where: ".table [name=id]",
    run: tickRow,
  },
];

/** What the palette does without the server. @type {Record<string, () => void>} */
const DEEDS = {
  "absolute-times": () => showTimes(true),
  "relative-times": () => showTimes(false),
  keys: showKeys,
};

const dialog = one("dialog.shortcuts", HTMLDialogElement);
let isGoing = false;
/** @type {number | undefined} */
let timer;

/** Focus the page's own search, or else open the palette. */
function search() {
  const fields = all("main input[type=search]", HTMLInputElement);
  const field = fields.find(({ disabled, offsetParent }) => !disabled && offsetParent);
  if (!field) return openPalette();
  field.focus();
  field.select();
}

/** Open the list of the keys that do something on the present page. */
function showKeys() {
  if (dialog.open) return;
  const present = KEYS.filter(({ where }) => !where || document.querySelector(where));
  const groups = Object.entries(Object.groupBy(present, ({ group }) => group));
  one("[data-keys]", HTMLElement, dialog).replaceChildren(
    ...groups.flatMap(([group, keys = []]) => {
      const heading = document.createElement("h3");
      heading.textContent = group;
      const list = document.createElement("dl");
      list.append(...keys.flatMap(({ keys, label }) => row(keys, label)));
      return [heading, list];
    }),
  );
  dialog.showModal();
}

/**
 * @param {string[]} keys
 * @param {string} label
 */
function row(keys, label) {
  const term = document.createElement("dt");
  for (const [at, key] of keys.entries()) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(at ? " then " : "", cap);
  }
  const meaning = document.createElement("dd");
  meaning.textContent = label;
  return [term, meaning];
}

/** Whether a key is for what one types in. @param {KeyboardEvent} event */
function isTyped({ target, altKey, isComposing }) {
  if (altKey || isComposing) return true;
  if (first("dialog[open]", HTMLDialogElement)) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  return target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

/** The search over a list, which one leaves for its rows. @param {KeyboardEvent} event */
function leaveSearch(event) {
  const { target, key, isComposing, defaultPrevented } = event;
  const isLeft = key === "Escape" || key === "Enter";
  if (!isLeft || isComposing || defaultPrevented || !(target instanceof HTMLInputElement)) return;
  if (!target.matches("main form[role=search] input[type=search]")) return;
  if (key === "Enter") {
    target.form?.addEventListener("submit", () => target.blur(), { once: true });
    return;
  }
  // The browser would empty the field, and the list would stay as it is.
  event.preventDefault();
  target.blur();
}

/** @param {KeyboardEvent} event */
function press(event) {
  const { key } = event;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    if (key === "Enter")
      first("form:has(textarea:focus) button:not([type=button])", HTMLButtonElement)?.click();
    if (key.toLowerCase() !== "k") return;
    event.preventDefault();
    return openPalette();
  }
  // Shift comes before the question mark.
  if (key === "Shift" || event.repeat || event.defaultPrevented || isTyped(event)) return;
  const begins = isGoing ? ["g"] : [];
  isGoing = key === "g" && !isGoing;
  clearTimeout(timer);
  if (isGoing) {
    timer = setTimeout(() => {
      isGoing = false;
    }, PATIENCE);
    return;
  }
  const pressed = [...begins, key].join(" ");
  const found = KEYS.find(
    ({ keys, where, run }) =>
      run && keys.join(" ") === pressed && (!where || document.querySelector(where)),
  );
  if (!found) return;
  event.preventDefault();
  found.run?.();
}

document.addEventListener("keydown", leaveSearch);
document.addEventListener("keydown", press);
document.addEventListener("callboard:do", (event) => {
  if (event instanceof CustomEvent) DEEDS[event.detail]?.();
});
dialog.addEventListener("click", ({ target }) => {
  if (target === dialog) dialog.close();
});
