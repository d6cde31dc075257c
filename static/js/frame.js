// What stands round every page: theme, menu, tabs, toasts, copying, the bar of what is waited for.
import { all, around, first } from "./elements.js";

// Back to what answers a form would have to send the form again: it becomes the form's own page.
function address() {
  const { address } = document.documentElement.dataset;
  if (address) history.replaceState(null, "", address);
}

// Shown at once where it is chosen, and kept when the form is sent.
function theme() {
  for (const select of all("[data-theme-select]", HTMLSelectElement)) {
    select.addEventListener("change", () => {
      document.documentElement.dataset.theme = select.value;
      document.dispatchEvent(new CustomEvent("callboard:theme"));
    });
  }
}

function menu() {
  const details = first("details.menu", HTMLDetailsElement);
  if (!details) return;
  // Browsers without ::details-content hide a closed menu at every width.
  const wide = matchMedia("(min-width: 721px)");
  if (wide.matches && !CSS.supports("selector(::details-content)"))
    for (const folded of all("details:is(.menu, .more-filters)", HTMLDetailsElement))
      folded.open = true;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || wide.matches || !details.open) return;
    details.open = false;
    details.querySelector("summary")?.focus();
  });
}

// On a phone the tabs scroll; the one that is open should be in sight.
function tabs() {
  for (const tab of all(".tabs [aria-current]", HTMLElement))
    tab.scrollIntoView({ block: "nearest", inline: "center" });
}

function toasts() {
  const region = first("#toasts", HTMLElement);
  if (!region) return;
  const leave = () => {
    // What went wrong, and what can be undone, stays until somebody has read it.
    for (const toast of all(".toast:not(.error, .undo, [data-leaving])", HTMLElement, region)) {
      toast.dataset.leaving = "";
      setTimeout(() => toast.remove(), 8000);
    }
  };
  leave();
  // htmx and sockets add toasts to a page that is already open.
  new MutationObserver(leave).observe(region, { childList: true });
  document.addEventListener("click", (event) => {
    around(event, "[data-dismiss]")?.closest(".toast")?.remove();
  });
}

function copying() {
  document.addEventListener("click", async (event) => {
    const button = around(event, "[data-copy]");
    const source = button?.dataset.copy && document.querySelector(button.dataset.copy);
    if (!button || !source) return;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = "Copied";
    } catch {
      // Over plain http there is no clipboard: select the text, so that one key copies it.
      getSelection()?.selectAllChildren(source);
      button.textContent = "Press Ctrl C";
    }
  });
}

// The bar on top waits for the next page, or for an answer to htmx. What is quicker needs none, and
// what takes longer has left the page where it is.
const DELAY = 200;
const LONGEST = 20000;

const bar = first("[data-loading]", HTMLElement);
let waiting = 0;
// The page stays, and nothing would end the bar.
let isDownload = false;
/** @type {number | undefined} */
let timer;

function begin() {
  waiting += 1;
  if (waiting > 1) return;
  timer = setTimeout(() => bar?.removeAttribute("hidden"), DELAY);
}

function end() {
  waiting = Math.max(0, waiting - 1);
  if (!waiting) hide();
}

function hide() {
  waiting = 0;
  clearTimeout(timer);
  bar?.setAttribute("hidden", "");
}

document.addEventListener("submit", ({ target, submitter }) => {
  isDownload = [target, submitter].some(
    (element) => element instanceof HTMLElement && "download" in element.dataset,
  );
});
addEventListener("beforeunload", () => {
  const isLeft = !isDownload;
  isDownload = false;
  if (!isLeft) return;
  begin();
  setTimeout(end, LONGEST);
});
// Back to a page that the browser has kept; a new page may be left before it is whole.
addEventListener("pageshow", ({ persisted }) => persisted && hide());
document.addEventListener("htmx:before:request", begin);
document.addEventListener("htmx:finally:request", end);

address();
theme();
menu();
tabs();
toasts();
copying();
