// No form is sent to a server that is away: the browser would show its own page instead, and what
// was entered would be gone.

import { sendConfirmed } from "./confirm.js";
import { all, first, one } from "./elements.js";
import { hold } from "./sending.js";

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

/** @param {HTMLFormElement} form */
function tell(form) {
  if (!form.checkVisibility()) return toast("The server does not answer. Nothing was sent.");
  const told = document.createElement("p");
  told.className = "form-error";
  told.dataset.away = "";
  told.setAttribute("role", "alert");
  told.textContent = "The server does not answer. What you have entered is kept: try again.";
  form.append(told);
  told.scrollIntoView({ block: "nearest" });
}

/**
 * What belongs beside a form that is not to be seen: an action of the palette, or one that a push
 * has taken away.
 * @param {string} sentence
 */
function toast(sentence) {
  const told = document.createElement("div");
  told.className = "toast error";
  told.dataset.away = "";
  told.setAttribute("role", "alert");
  told.textContent = sentence;
  one("#toasts", HTMLElement).append(told);
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

// Behind the question of `confirm.js`, before all that takes a form for sent.
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
