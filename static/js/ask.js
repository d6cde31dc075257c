// The Ask page: questions go over a socket, and the cards of their results come as they rank.
import { first, one } from "./elements.js";

const root = one("[data-ask]", HTMLElement);
const form = one("form", HTMLFormElement, root);
const input = one("input[name=q]", HTMLInputElement, form);
const list = one(".results", HTMLElement, root);
const status = one("[data-ask-status]", HTMLElement, root);
const button = one("button", HTMLButtonElement, form);
const waiting = one("[data-waiting]", HTMLTemplateElement, root);
const examples = first("[data-examples]", HTMLElement, root);
const paused = one("[data-ask-paused]", HTMLElement, root);

// What is answered sooner needs no sign that it is on its way.
const DELAY = 200;
// The server's close code for a session that has ended.
const ENDED = 1008;

/**
 * What comes over the socket; `id` is the question's.
 * @typedef {{ id?: number, event: "started", data: { agent_id: string } }} Started
 * @typedef {{ id?: number, event: "result" | "completed", data: { html: string } }} Drawn
 * @typedef {{ id?: number, event: "error", data: { detail?: string, error: string } }} Refused
 */

/** @type {WebSocket | undefined} */
let socket;
let attempt = 0;
/** The question that has no answer yet, "" for none. */
let pending = "";
let asked = 0;
/** Whether the list still shows what was there before the question. */
let isStale = false;
/** @type {number | undefined} */
let timer;

// The page follows the agent: its state says whether somebody has paused it meanwhile.
function followState() {
  const isPaused = one("#agent-state", HTMLElement).dataset.paused === "true";
  paused.hidden = !isPaused;
  status.hidden = isPaused;
  for (const control of [input, button]) {
    control.disabled = isPaused;
    if (isPaused) control.setAttribute("aria-describedby", paused.id);
    else control.removeAttribute("aria-describedby");
  }
  if (!isPaused && !socket) connect();
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${root.dataset.ask}`);
  socket.addEventListener("open", () => {
    attempt = 0;
    if (pending) send(pending);
  });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", ({ code, reason }) => {
    if (code === ENDED) {
      clear();
      status.textContent = `${reason} Reload the page to go on.`;
      return;
    }
    attempt += 1;
    setTimeout(connect, Math.min(500 * 2 ** attempt, 30000));
  });
}

/** @param {string} question */
function send(question) {
  pending = question;
  asked += 1;
  socket?.send(JSON.stringify({ id: asked, query: question }));
  isStale = true;
  status.textContent = "Searching…";
  list.setAttribute("aria-busy", "true");
  examples?.remove();
  clearTimeout(timer);
  timer = setTimeout(() => list.replaceChildren(waiting.content.cloneNode(true)), DELAY);
}

// The first of an answer takes the place of the one before.
function clear() {
  if (!isStale) return;
  isStale = false;
  clearTimeout(timer);
  list.removeAttribute("aria-busy");
  list.replaceChildren();
}

/** @param {string} question */
function ask(question) {
  history.pushState(null, "", `?q=${encodeURIComponent(question)}`);
  send(question);
}

/** @param {Started | Drawn | Refused} frame */
function take({ id, event, data }) {
  // An answer to an earlier question may still be coming in.
  if (id !== undefined && id !== asked) return;
  if (event === "started") return;
  clear();
  if (event === "result") {
    // The server's own escaped card, the same that the page has when it is loaded.
    list.insertAdjacentHTML("beforeend", data.html);
    document.dispatchEvent(new Event("callboard:drawn"));
  } else if (event === "completed") {
    pending = "";
    status.innerHTML = data.html;
    document.dispatchEvent(new Event("callboard:drawn"));
  } else if (event === "error") {
    pending = "";
    status.textContent = data.detail ?? data.error;
  }
}

// Before `sending.js`, which would ask first whether the server is there: the open socket says so.
addEventListener(
  "submit",
  (event) => {
    const question = input.value.trim();
    if (event.target !== form || !question || socket?.readyState !== WebSocket.OPEN) return;
    event.preventDefault();
    // Who presses twice has asked once.
    if (question !== pending) ask(question);
  },
  true,
);
examples?.addEventListener("click", (event) => {
  const example = event.target instanceof Element ? event.target.closest("a") : null;
  if (!example || event.ctrlKey || event.metaKey || socket?.readyState !== WebSocket.OPEN) return;
  event.preventDefault();
  input.value = example.textContent ?? "";
  input.focus();
  ask(input.value);
});
// An earlier question of this page: the server answers it again, and counts nothing.
addEventListener("popstate", () => location.reload());
document.addEventListener("htmx:ws:after:message:incoming", followState);
followState();
