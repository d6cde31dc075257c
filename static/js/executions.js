// The page of an execution: its log stays at its end while one follows it.
import { first, one } from "./elements.js";

let isFollowing = true;

function follow() {
  const lines = first("[data-log-lines]", HTMLElement);
  if (isFollowing && lines) lines.scrollTop = lines.scrollHeight;
}

// The box is drawn anew with the log: what was chosen is kept.
function keep() {
  one("[data-follow]", HTMLInputElement).checked = isFollowing;
  follow();
}

document.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || !("follow" in target.dataset)) return;
  isFollowing = target.checked;
  follow();
});
document.addEventListener("htmx:after:swap", keep);
keep();
