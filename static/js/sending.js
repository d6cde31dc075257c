// A form that is sent later than it was clicked: what a push draws meanwhile may have replaced it,
// or made another one of it, because htmx turns the elements that stand there into the new ones.

/** @typedef {{ form: HTMLFormElement, submitter: HTMLElement | null }} Sending */
/** @typedef {{ action: string, fields: [string, FormDataEntryValue][] }} Content */

const TOKEN = "csrf_token";

/**
 * Keep what a form says now. What is returned brings the form that says it: the same, or a copy out
 * of sight where that says something else by then.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 * @returns {() => Sending}
 */
export function hold(form, submitter) {
  const content = read(form, submitter);
  const held = JSON.stringify(content);
  return () => {
    const isThere = form.isConnected && (!submitter || ownerOf(submitter) === form);
    if (isThere && JSON.stringify(read(form, submitter)) === held) return { form, submitter };
    return { form: build(content, form.enctype), submitter: null };
  };
}

/** @param {HTMLElement} submitter */
const ownerOf = (submitter) => (submitter instanceof HTMLButtonElement ? submitter.form : null);

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 * @returns {Content}
 */
function read(form, submitter) {
  // Not `form.action`: that may be a field of this name.
  const action = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
  const fields = [...new FormData(form, submitter)].filter(([name]) => name !== TOKEN);
  return { action, fields };
}

/**
 * A form with the token of this page, which it gets when it is sent (see `forms.js`).
 * @param {Content} content
 * @param {string} enctype
 */
function build({ action, fields }, enctype) {
  const form = document.createElement("form");
  form.hidden = true;
  form.method = "post";
  form.enctype = enctype;
  form.setAttribute("action", action);
  for (const [name, value] of [[TOKEN, ""], ...fields]) {
    const field = document.createElement("input");
    field.type = typeof value === "string" ? "hidden" : "file";
    field.name = name;
    if (typeof value === "string") field.value = value;
    else field.files = listOf(value);
    form.append(field);
  }
  document.body.append(form);
  return form;
}

/** @param {File} file */
function listOf(file) {
  const transfer = new DataTransfer();
  // A field without a file says so by one without a name.
  if (file.name) transfer.items.add(file);
  return transfer.files;
}
