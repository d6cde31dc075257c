// Every form: the token of this page, the focus on the first fault, a button that shows it is busy.
import { all, around, first } from "./elements.js";
import { keep, kept } from "./keeping.js";

// What a socket pushes is drawn for many people: its forms go with the token of this page.
function tokens() {
  document.addEventListener(
    "submit",
    ({ target }) => {
      if (!(target instanceof HTMLFormElement)) return;
      const field = first(
        "input[name=csrf_token]:not([value]:not([value='']))",
        HTMLInputElement,
        target,
      );
      const headers = document.body.getAttribute("hx-headers:inherited");
      if (field && headers) field.value = JSON.parse(headers)["X-CSRFToken"];
    },
    true,
  );
}

/** @param {ParentNode} [within] */
function focusFault(within) {
  const fault = first('[aria-invalid="true"]', HTMLElement, within);
  if (!fault) return;
  fault.closest("details")?.setAttribute("open", "");
  fault.focus();
}

// A form that is refused leads back to its page, the reason as a toast: it belongs beside the form.
function refusals() {
  const key = "callboard:sent";
  const sent = kept(key, "sessionStorage");
  keep(key, null, "sessionStorage");
  // Where the browser keeps nothing for us it stays a toast.
  if (sent) showBeside(JSON.parse(sent));
  document.addEventListener("submit", ({ target, defaultPrevented }) => {
    if (defaultPrevented || !(target instanceof HTMLFormElement) || target.method !== "post")
      return;
    const { action } = target;
    const sent = { page: location.pathname, action, names: [...new FormData(target).keys()] };
    keep(key, JSON.stringify(sent), "sessionStorage");
  });
}

/** @param {{ page: string, action: string, names: string[] }} sent */
function showBeside({ page, action, names }) {
  const toast = first("#toasts .toast.error", HTMLElement);
  const reason = toast?.querySelector("span");
  const form = all("form", HTMLFormElement).find(
    (form) => form.action === action && names.every((name) => form.elements.namedItem(name)),
  );
  if (!toast || !reason || !form?.checkVisibility() || page !== location.pathname) return;
  const told = document.createElement("p");
  told.className = "form-error";
  told.setAttribute("role", "alert");
  told.append(...reason.childNodes);
  form.after(told);
  toast.remove();
  told.scrollIntoView({ block: "nearest" });
}

// A form is sent once: it is busy until the next page is there, or htmx has its answer.
function busy() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post" || event.defaultPrevented)
      return;
    if (form.ariaBusy === "true") event.preventDefault();
    form.ariaBusy = "true";
    event.submitter?.classList.add("busy");
  });
  document.addEventListener("htmx:before:request", ({ target }) => {
    if (target instanceof HTMLFormElement) target.ariaBusy = "true";
  });
  document.addEventListener("htmx:finally:request", ({ target }) => {
    if (target instanceof HTMLFormElement) calm(target);
  });
  // Back to a page that the browser has kept.
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    for (const form of all("form[aria-busy]", HTMLFormElement)) calm(form);
  });
}

/** @param {HTMLFormElement} form */
function calm(form) {
  form.ariaBusy = null;
  for (const button of all(".busy", HTMLButtonElement, form)) button.classList.remove("busy");
}

// On the way back the browser puts into a page what was typed there. Others than who did get it anew.
function strangers() {
  const person = first("dialog.palette", HTMLElement)?.dataset.recent;
  if (!person) return;
  const { typist, ...state } = history.state ?? {};
  if (typist && typist !== person) {
    history.replaceState(state, "");
    // With its fragment it would be the page that is there.
    location.replace(location.pathname + location.search);
  }
  const note = () => {
    const { state } = history;
    if (state?.typist !== person) history.replaceState({ ...state, typist: person }, "");
  };
  document.addEventListener("input", note);
  document.addEventListener("htmx:after:history:update", note);
}

// A button that puts its value into a field.
function fills() {
  document.addEventListener("click", (event) => {
    const button = around(event, "[data-fill]");
    if (!(button instanceof HTMLButtonElement)) return;
    const field = first(`#${button.dataset.fill}`, HTMLInputElement);
    if (!field) return;
    field.value = button.value;
    field.focus();
  });
}

// A choice that the rest of its page depends on.
function reloads() {
  document.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !("reload" in target.dataset)) return;
    const url = new URL(location.href);
    url.searchParams.set(target.name, target.value);
    location.assign(url);
  });
}

// On a slow line one types before htmx is there: what a filter says by then is asked for at last.
function early() {
  for (const field of all("form[hx-get] input[type=search]", HTMLInputElement)) {
    if (field.value !== field.defaultValue) field.form?.requestSubmit();
  }
}

tokens();
strangers();
addEventListener("load", early);
fills();
reloads();
refusals();
busy();
focusFault();
document.addEventListener("htmx:after:swap", ({ target }) => {
  if (target instanceof Element) focusFault(target);
});
