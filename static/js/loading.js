// The bar on top of a page that waits: for the next page, or for an answer to htmx.
import { first } from "./elements.js";

// What is quicker needs no bar, and what takes longer has left the page where it is.
const DELAY = 200;
const LONGEST = 20000;

const bar = first("[data-loading]", HTMLElement);
let waiting = 0;
// What is marked so brings a file: the page stays, and nothing would end the bar.
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
