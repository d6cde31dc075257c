// Fields of several words as chips (see components/chips.html). The words stand in a hidden field as
// they would in the visible one without this script; searching is the topic picker's.
import { all, first } from "./elements.js";
import { add, find, tell } from "./topics.js";

/** @param {string} text */
const wordsOf = (text) => text.split(/[,\s]+/).filter(Boolean);

/** @param {HTMLInputElement} input */
function enhance(input) {
  const held = document.createElement("input");
  Object.assign(held, { type: "hidden", name: input.name, value: input.value });
  const box = document.createElement("div");
  box.className = "topic-picker";
  box.dataset.topics = input.dataset.chips;
  // Its boxes to tick are sent with the hidden field only.
  box.dataset.name = "";
  const isKnown = "known" in input.dataset;
  const told = document.createElement("span");
  told.className = isKnown ? "error" : "hint warn";
  told.setAttribute("role", isKnown ? "alert" : "status");
  const words = wordsOf(input.value);
  const invalid = input.ariaInvalid === "true";
  let checked = new Set(words);
  input.replaceWith(box);
  box.append(input);
  box.after(told);
  box.before(held);
  input.removeAttribute("name");
  input.value = "";
  for (const word of words) add(box, word, word);
  if (invalid) check(input, words, told);

  box.addEventListener("change", () => {
    const chips = all(".chip input", HTMLInputElement, box);
    const present = chips.map((chip) => chip.value);
    held.value = present.join(", ");
    explain(box, told);
    const added = present.filter((word) => !checked.has(word));
    checked = new Set(present);
    check(input, added, told);
  });
  const take = () => {
    const typed = wordsOf(input.value);
    if (!typed.length) return;
    for (const word of typed) add(box, word, word);
    input.value = "";
    tell(box);
  };
  // After the picker has closed its list, and before a click sends the form.
  input.addEventListener("blur", take);
  input.addEventListener("keydown", (event) => {
    const isOffered = first("ul:not([hidden]) [aria-selected=true]", HTMLElement, box);
    if (event.key !== "," && (event.key !== "Enter" || !input.value.trim() || isOffered)) return;
    event.preventDefault();
    take();
  });
  input.form?.addEventListener("submit", take, true);
}

/**
 * Mark what the search does not find under this very name, or only as something new, and say why.
 * @param {HTMLInputElement} input
 * @param {string[]} words
 * @param {HTMLElement} told
 */
async function check(input, words, told) {
  const box = input.closest(".topic-picker");
  if (!(box instanceof HTMLElement)) return;
  for (const word of words) {
    const offered = await find(box, word);
    if (offered === undefined) continue;
    const found = document.createElement("ul");
    found.innerHTML = offered;
    const name = CSS.escape(word);
    const same = first(`[data-value="${name}"]`, HTMLElement, found);
    if (same && !same.dataset.doubt) continue;
    const chip = first(`.chip:has(input[value="${name}"])`, HTMLElement, box);
    if (!chip) continue;
    chip.classList.add(same ? "doubt" : "bad");
    const reason = found.querySelector("[aria-disabled]")?.textContent?.trim();
    chip.title = same?.dataset.doubt ?? reason ?? `No agent has the handle “${word}”.`;
    explain(box, told);
  }
}

/**
 * Say of every marked word that is left what is wrong with it.
 * @param {HTMLElement} box
 * @param {HTMLElement} told
 */
function explain(box, told) {
  const marked = all(".chip:is(.bad, .doubt)", HTMLElement, box);
  told.textContent = marked.map((chip) => chip.title).join(" ");
}

for (const input of all("input[data-chips]", HTMLInputElement)) enhance(input);
