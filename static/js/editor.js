// The definition's form: counting, preview, examples of schemas, and what others save meanwhile.
const form = document.querySelector("form[data-leave-warning]");

// About four characters make a token, an ideograph or a syllable block is one of its own.
const WIDE = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/gu;
const tokens = (text) => {
  const wide = text.match(WIDE)?.length ?? 0;
  return wide + Math.ceil((text.length - wide) / 4);
};

function counting() {
  const editor = document.querySelector("[data-editor]");
  const area = editor.querySelector("textarea");
  const count = editor.querySelector("[data-editor-count]");
  const show = () => {
    const lines = area.value ? area.value.split("\n").length : 0;
    count.textContent =
      `${lines.toLocaleString("en")} lines · ` +
      `${[...area.value].length.toLocaleString("en")} characters · ` +
      `≈ ${tokens(area.value).toLocaleString("en")} tokens`;
  };
  area.addEventListener("input", show);
  show();

  const button = editor.querySelector("[data-editor-preview]");
  const preview = editor.querySelector("#preview");
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
    const area = document.getElementById(group.dataset.examples);
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const button = event.target.closest("[data-example]");
      if (!button) return;
      area.focus();
      area.select();
      // Unlike setting the value, this can be undone with Ctrl-Z.
      document.execCommand("insertText", false, button.dataset.example);
    });
  }
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

function overtaking() {
  const notice = document.querySelector("[data-overtaken]");
  if (!notice) return;
  const look = () => {
    const { version, author } = document.querySelector("#agent-state").dataset;
    if (Number(version) <= Number(notice.dataset.overtaken)) return;
    notice.querySelector("[data-overtaken-author]").textContent = author;
    notice.querySelector("[data-overtaken-version]").textContent = version;
    notice.hidden = false;
  };
  document.addEventListener("htmx:ws:after:message:incoming", look);
}

counting();
examples();
leaving();
overtaking();
