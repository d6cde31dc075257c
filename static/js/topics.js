// Topic pickers: what is typed is looked for on the server; what is chosen becomes a chip.
import { all } from "./elements.js";

/**
 * @typedef {object} Picker
 * @property {HTMLElement} box
 * @property {HTMLInputElement} input
 * @property {HTMLUListElement} list what the search offers
 * @property {HTMLElement} told how much that is, for those who do not see it
 */

const DELAY_MS = 120;
let last = 0;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {AbortController | undefined} */
let asking;

/**
 * The picker that an event belongs to, made ready by the first one.
 * @param {EventTarget | null} target
 * @returns {Picker | undefined}
 */
function pickerOf(target) {
  const box = target instanceof Element && target.closest(".topic-picker");
  if (!(box instanceof HTMLElement)) return undefined;
  const input = box.querySelector(":scope > input");
  if (!(input instanceof HTMLInputElement)) return undefined;
  // A page that follows its filters would ask for topics that are half typed.
  if (input.form?.method === "get") input.removeAttribute("name");
  let list = box.querySelector("ul");
  let told = box.querySelector("[role=status]");
  if (!list || !(told instanceof HTMLElement)) {
    list = document.createElement("ul");
    list.id = `topics-${++last}`;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Found");
    told = document.createElement("span");
    told.className = "visually-hidden";
    told.setAttribute("role", "status");
    box.append(list, told);
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": list.id,
      "aria-expanded": "false",
    }))
      input.setAttribute(name, value);
  }
  return { box, input, list, told: /** @type {HTMLElement} */ (told) };
}

/** @param {ParentNode} list */
const optionsOf = (list) =>
  all("[role=option]", HTMLElement, list).filter((option) => !option.ariaDisabled);

/** @param {Picker} picker */
function close({ input, list }) {
  clearTimeout(timer);
  asking?.abort();
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

/**
 * What the server offers for some words, drawn as options; undefined where it does not answer,
 * or another letter came: the field takes what is typed as well.
 * @param {HTMLElement} box
 * @param {string} words
 * @param {AbortSignal} [signal]
 */
export async function find(box, words, signal) {
  const url = new URL(box.dataset.topics ?? "", location.href);
  url.searchParams.set("q", words);
  try {
    const answer = await fetch(url, { signal, headers: { "HX-Request": "true" } });
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Picker} picker */
async function look(picker) {
  const { box, input, list, told } = picker;
  asking?.abort();
  asking = new AbortController();
  const offered = await find(box, input.value, asking.signal);
  if (offered === undefined) return;
  list.innerHTML = offered;
  const options = optionsOf(list);
  options.forEach((option, at) => {
    option.id = `${list.id}-${at}`;
  });
  told.textContent = `${options.length} found`;
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  // Enter in an empty field sends the form, as everywhere.
  activate(picker, input.value.trim() ? options[0] : undefined);
}

/**
 * @param {Picker} picker
 * @param {HTMLElement | undefined} option
 */
function activate({ input, list }, option) {
  for (const other of optionsOf(list)) other.setAttribute("aria-selected", `${other === option}`);
  if (!option) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

/** @param {ParentNode} list */
const activeOf = (list) =>
  optionsOf(list).find((option) => option.getAttribute("aria-selected") === "true");

/**
 * @param {Picker} picker
 * @param {HTMLElement | undefined} option
 */
function choose(picker, option) {
  if (!option?.dataset.value) return;
  const { box, input } = picker;
  const { value, label, above } = option.dataset;
  add(box, value, label ?? option.textContent.trim(), above);
  input.value = "";
  close(picker);
  tell(box);
}

/**
 * Make a topic one of the chosen.
 * @param {HTMLElement} box
 * @param {string} value
 * @param {string} path
 * @param {string} [above] ids of what is above it
 */
export function add(box, value, path, above = "") {
  if ("single" in box.dataset) for (const chip of box.querySelectorAll(".chip")) chip.remove();
  if (box.querySelector(`.chip input[value="${CSS.escape(value)}"]`)) return;
  const chip = document.createElement("span");
  chip.className = "chip";
  chip.dataset.above = above;
  const label = document.createElement("label");
  label.title = path;
  const tick = document.createElement("input");
  Object.assign(tick, { type: "checkbox", name: box.dataset.name, value, checked: true });
  label.append(tick, path);
  const cross = document.createElement("button");
  Object.assign(cross, { type: "button", textContent: "×", ariaLabel: `Remove ${path}` });
  chip.append(label, cross);
  box.querySelector(":scope > input")?.before(chip);
}

/**
 * Take a topic out of the chosen.
 * @param {HTMLElement} box
 * @param {string} value
 */
export function remove(box, value) {
  box.querySelector(`.chip:has(input[value="${CSS.escape(value)}"])`)?.remove();
}

/**
 * Say that the chosen topics are others now: to the form around, and to whoever listens.
 * @param {HTMLElement} box
 */
export function tell(box) {
  box.classList.toggle("full", "single" in box.dataset && box.querySelector(".chip") !== null);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

/** @param {Event} event */
const isTyped = (event) =>
  event.target instanceof HTMLInputElement && event.target.matches(".topic-picker > input");

// A form that follows what is typed into it need not follow every letter of a search for topics.
document.addEventListener(
  "input",
  (event) => {
    const picker = isTyped(event) ? pickerOf(event.target) : undefined;
    if (!picker) return;
    event.stopPropagation();
    clearTimeout(timer);
    timer = setTimeout(() => look(picker), DELAY_MS);
  },
  true,
);
document.addEventListener(
  "change",
  (event) => {
    if (isTyped(event)) event.stopPropagation();
  },
  true,
);

document.addEventListener("focusin", (event) => {
  if (isTyped(event)) pickerOf(event.target);
});

document.addEventListener("focusout", (event) => {
  const picker = isTyped(event) ? pickerOf(event.target) : undefined;
  if (picker) close(picker);
});

document.addEventListener("mousedown", (event) => {
  const option = event.target instanceof Element && event.target.closest(".topic-picker ul");
  if (option) event.preventDefault(); // the field keeps the focus
});

document.addEventListener("click", (event) => {
  const { target } = event;
  const picker = pickerOf(target);
  if (!picker || !(target instanceof Element)) return;
  const option = target.closest("[role=option]");
  if (option instanceof HTMLElement) {
    choose(picker, option);
  } else if (target.closest(".chip > button")) {
    target.closest(".chip")?.remove();
    tell(picker.box);
    picker.input.focus();
  } else if (target === picker.box) {
    picker.input.focus();
  } else if (target === picker.input) {
    look(picker);
  }
});

document.addEventListener("keydown", (event) => {
  const picker = isTyped(event) ? pickerOf(event.target) : undefined;
  if (!picker || event.isComposing) return;
  const { box, input, list } = picker;
  const options = optionsOf(list);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (list.hidden) {
      look(picker);
      return;
    }
    const active = activeOf(list);
    const step = event.key === "ArrowDown" ? 1 : -1;
    const at = active ? options.indexOf(active) + step : step > 0 ? 0 : -1;
    activate(picker, options.at(at % options.length));
  } else if (event.key === "Enter" && !list.hidden && activeOf(list)) {
    event.preventDefault();
    choose(picker, activeOf(list));
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    event.stopPropagation();
    close(picker);
  } else if (event.key === "Backspace" && input.value === "") {
    const chip = [...box.querySelectorAll(".chip")].at(-1);
    if (!chip) return;
    chip.remove();
    tell(box);
  }
});
