// Between the click on a form and its sending: one with `data-confirm` asks first, and none is sent to
// a server that is away, because what was entered would be gone. Meanwhile a push may have taken the
// form away, or made another one of it.
import { all, first, one } from "./elements.js";

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
function hold(form, submitter) {
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

/** @type {HTMLFormElement | undefined} */
let confirmed;

/**
 * Send a form about which nothing is asked any more.
 * @param {Sending} sending
 */
function sendConfirmed({ form, submitter }) {
  confirmed = form;
  form.requestSubmit(submitter);
  confirmed = undefined;
}

const dialog = first("dialog.confirm", HTMLDialogElement);

if (dialog) {
  const title = one("h2", HTMLHeadingElement, dialog);
  const sentence = one("p", HTMLParagraphElement, dialog);
  const go = one("[data-verb]", HTMLButtonElement, dialog);
  const keep = one("[data-keep]", HTMLButtonElement, dialog);
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.dataset.confirm || form === confirmed) return;
      event.preventDefault();
      event.stopPropagation();
      const asks = form.dataset;
      title.textContent = asks.confirm ?? "";
      sentence.textContent = asks.confirmSentence ?? "";
      sentence.hidden = !asks.confirmSentence;
      go.textContent = asks.confirmVerb ?? "";
      go.classList.toggle("danger", asks.confirmTone === "danger");
      go.classList.toggle("primary", asks.confirmTone !== "danger");
      keep.textContent = asks.confirmKeep ?? "";
      const held = hold(form, event.submitter);
      dialog.returnValue = "";
      dialog.showModal();
      if (asks.confirmFocus === "verb") go.focus();
      dialog.onclose = () => {
        if (dialog.returnValue === "yes") sendConfirmed(held());
      };
    },
    true,
  );
}

/** How long an answer is waited for, in milliseconds. */
const PATIENCE = 10000;

/** @type {HTMLFormElement | undefined} */
let reached;

/** Whether the server answers now. */
async function isThere() {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const address = `${document.documentElement.dataset.root}health`;
    return (await fetch(address, { method: "HEAD", cache: "no-store", signal })).ok;
  } catch {
    return false;
  }
}

/** Tell it at the form, or in a toast where that is not to be seen. @param {HTMLFormElement} form */
function tell(form) {
  const isSeen = form.checkVisibility();
  const told = document.createElement("div");
  told.className = isSeen ? "form-error" : "toast error";
  told.setAttribute("role", "alert");
  told.dataset.away = "";
  const rest = isSeen ? "What you have entered is kept: try again." : "Nothing was sent.";
  told.textContent = `The server does not answer. ${rest}`;
  (isSeen ? form : one("#toasts", HTMLElement)).append(told);
  if (isSeen) told.scrollIntoView({ block: "nearest" });
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function sendWhenThere(form, submitter) {
  const held = hold(form, submitter);
  form.ariaBusy = "true";
  submitter?.classList.add("busy");
  for (const told of all("[data-away]", HTMLElement)) told.remove();
  const isReached = await isThere();
  form.ariaBusy = null;
  submitter?.classList.remove("busy");
  const sending = held();
  if (!isReached) return tell(sending.form);
  reached = sending.form;
  sendConfirmed(sending);
  reached = undefined;
}

// Behind the question, before all that takes a form for sent.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (event.defaultPrevented || form === reached) return;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    // While the page's socket is open nobody has to ask; and little is lost on the way in.
    if (first("[data-live-dot].live", HTMLElement) || !first(".shell", HTMLElement)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.ariaBusy !== "true") sendWhenThere(form, event.submitter);
  },
  true,
);
