// What the socket brings: whether it is open, parts to fetch again, logs that grow.
import { all } from "./elements.js";

// Nothing is said while the page still connects, so that no page begins with "not live".
const PATIENCE = 3000;

function liveDot() {
  const dot = document.querySelector("[data-live-dot]");
  if (!dot) return;
  /** @param {boolean} isLive */
  const show = (isLive) => {
    dot.classList.toggle("live", isLive);
    dot.textContent = isLive ? "live" : "not live";
  };
  setTimeout(() => dot.textContent || show(false), PATIENCE);
  document.addEventListener("htmx:ws:after:connection", () => show(true));
  document.addEventListener("htmx:ws:close", () => show(false));
  document.addEventListener("htmx:ws:error", () => show(false));
}

// A push says that there is something new; a part with filters of its own is then fetched again.
function refreshing() {
  const revision = () =>
    all("[data-revision]", HTMLElement)
      .map((element) => element.dataset.revision)
      .join();
  let known = revision();
  document.addEventListener("htmx:ws:after:message:incoming", () => {
    const now = revision();
    if (now === known) return;
    known = now;
    for (const part of all("[data-refresh]", HTMLElement)) {
      // Who has selected something would lose it.
      if (!part.querySelector("[name=id]:checked")) window.htmx.trigger(part, "refresh");
    }
  });
}

// A filter may be there before the answer for what a part showed until then, which would undo it.
function outdated() {
  /** @type {WeakMap<object, string | null>} */
  const asked = new WeakMap();
  document.addEventListener("htmx:before:request", ({ target, detail }) => {
    if (target instanceof HTMLElement && "refresh" in target.dataset)
      asked.set(detail.ctx, target.getAttribute("hx-get"));
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const { target, detail } = event;
    if (!(target instanceof HTMLElement) || !asked.has(detail.ctx)) return;
    if (asked.get(detail.ctx) === target.getAttribute("hx-get")) return;
    event.preventDefault();
    window.htmx.trigger(target, "refresh");
  });
}

// A log only grows: a socket is told the last row that the page has, and sends what follows.
function logs() {
  document.addEventListener("htmx:ws:after:connection", ({ detail }) => {
    for (const list of all("[data-log]", HTMLElement)) {
      const after = Math.max(0, ...all("[data-row]", HTMLElement, list).map(rowId));
      detail.connection.socket.send(JSON.stringify({ feed: list.dataset.log, after }));
    }
  });
  document.addEventListener("htmx:ws:after:message:incoming", () => {
    for (const list of all("[data-log]", HTMLElement)) tidy(list);
  });
}

/** @param {HTMLElement} row */
const rowId = (row) => Number(row.dataset.row);

// Newest first, each row once and not too many: some come twice, and a late one after newer ones.
/** @param {HTMLElement} list */
function tidy(list) {
  const rows = all("[data-row]", HTMLElement, list);
  const once = [...new Map(rows.map((row) => [rowId(row), row])).values()];
  const newest = once.sort((row, next) => rowId(next) - rowId(row));
  const kept = newest.slice(0, Number(list.dataset.most ?? newest.length));
  if (kept.length !== rows.length || kept.some((row, at) => row !== rows[at])) {
    list.replaceChildren(...kept);
  }
  // What one actor did in a row stands below their name.
  kept.forEach((row, at) => {
    row.classList.toggle("follows", at > 0 && row.dataset.actor === kept[at - 1].dataset.actor);
  });
}

liveDot();
refreshing();
outdated();
logs();
