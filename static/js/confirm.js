// Asks before a form with `data-confirm` is sent (see components/confirm.html).
import { first, one } from "./elements.js";
import { hold } from "./sending.js";

/** @type {HTMLFormElement | undefined} */
let confirmed;

/**
 * Send a form about which nothing is asked any more.
 * @param {import("./sending.js").Sending} sending
 */
export function sendConfirmed({ form, submitter }) {
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
      title.textContent = form.dataset.confirm;
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
