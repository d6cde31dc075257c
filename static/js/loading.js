// The bar on top of a page that waits: for the next page, or for an answer to htmx.
import { first } from "./elements.js";

// What is quicker needs no bar, and what takes longer was a download, which leaves the page.
const DELAY = 200;
const LONGEST = 20000;

const bar = first("[data-loading]", HTMLElement);
let waiting = 0;
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

addEventListener("beforeunload", () => {
  begin();
  setTimeout(end, LONGEST);
});
// Back to a page that the browser has kept; a new page may be left before it is whole.
addEventListener("pageshow", ({ persisted }) => persisted && hide());
document.addEventListener("htmx:before:request", begin);
document.addEventListener("htmx:finally:request", end);
