// The definition's form: counting, preview, examples of schemas, and what others save meanwhile.
import { one } from "./elements.js";

const form = one("form[data-leave-warning]", HTMLFormElement);

// About four characters make a token, an ideograph or a syllable block is one of its own.
const WIDE = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/gu;
/** @param {string} text */
const countTokens = (text) => {
  const wide = text.match(WIDE)?.length ?? 0;
  return wide + Math.ceil((text.length - wide) / 4);
};

/** @type {(count: number, noun: string) => string} */
const counted = (count, noun) =>
  `${count.toLocaleString(document.documentElement.dataset.locale || "en")} ${noun}${count === 1 ? "" : "s"}`;

function counting() {
  const editor = one("[data-editor]", HTMLElement);
  const area = one("textarea", HTMLTextAreaElement, editor);
  const count = one("[data-editor-count]", HTMLElement, editor);
  const show = () => {
    const lines = area.value ? area.value.split("\n").length : 0;
    count.textContent = [
      counted(lines, "line"),
      counted([...area.value].length, "character"),
      `≈ ${counted(countTokens(area.value), "token")}`,
    ].join(" · ");
  };
  area.addEventListener("input", show);
  show();

  const button = one("[data-editor-preview]", HTMLButtonElement, editor);
  const preview = one("#preview", HTMLElement, editor);
  button.hidden = false;
  button.addEventListener(
    "click",
    (event) => {
      if (preview.hidden) {
        preview.hidden = false;
        area.hidden = true;
        button.textContent = "Write";
        return;
      }
      event.stopImmediatePropagation();
      preview.hidden = true;
      area.hidden = false;
      button.textContent = "Preview";
      area.focus();
    },
    true,
  );
}

function examples() {
  for (const group of document.querySelectorAll("[data-examples]")) {
    const area = one(`#${group.getAttribute("data-examples")}`, HTMLTextAreaElement);
    group.removeAttribute("hidden");
    for (const button of group.querySelectorAll("[data-example]")) {
      button.addEventListener("click", () => {
        area.focus();
        area.select();
        // Unlike setting the value, this can be undone with Ctrl-Z.
        document.execCommand("insertText", false, button.getAttribute("data-example") ?? "");
      });
    }
  }
}

// Any model may be kept; what it means that it is unknown is said while it is typed.
function models() {
  const note = one("[data-unless-models]", HTMLElement, form);
  const known = new Set(JSON.parse(note.dataset.unlessModels ?? "[]"));
  const field = one("#model", HTMLInputElement, form);
  field.addEventListener("input", () => {
    const name = field.value.trim();
    note.hidden = !name || known.has(name);
  });
}

function leaving() {
  const before = JSON.stringify([...new FormData(form)]);
  let isSent = false;
  form.addEventListener("submit", () => {
    isSent = true;
  });
  addEventListener("beforeunload", (event) => {
    if (!isSent && JSON.stringify([...new FormData(form)]) !== before) event.preventDefault();
  });
}

function noticing() {
  const notice = document.querySelector("[data-newer-than]");
  if (!(notice instanceof HTMLElement)) return;
  const look = () => {
    const { version = "", author = "" } = one("#agent-state", HTMLElement).dataset;
    if (Number(version) <= Number(notice.dataset.newerThan)) return;
    one("[data-newer-author]", HTMLElement, notice).textContent = author;
    one("[data-newer-version]", HTMLElement, notice).textContent = version;
    notice.hidden = false;
  };
  document.addEventListener("htmx:ws:after:message:incoming", look);
}

counting();
examples();
models();
leaving();
noticing();
