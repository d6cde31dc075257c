// The Ask page: questions go over a socket, and the cards of their results come as they rank.
const root = document.querySelector("[data-ask]");
const form = root.querySelector("form");
const input = form.querySelector("input[name=q]");
const list = root.querySelector(".results");
const status = root.querySelector("[data-ask-status]");
const dot = document.querySelector("[data-live-dot]");

// The server's close code for a session that has ended.
const ENDED = 1008;

let socket = null;
let attempt = 0;
let pending = null;
let asked = 0;

function showLive(isLive) {
  dot?.classList.toggle("live", isLive);
  if (dot) dot.textContent = isLive ? "live" : "not live";
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${root.dataset.ask}`);
  socket.addEventListener("open", () => {
    attempt = 0;
    showLive(true);
    if (pending) send(pending);
  });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", ({ code, reason }) => {
    showLive(false);
    if (code === ENDED) {
      status.textContent = `${reason} Reload the page to go on.`;
      return;
    }
    attempt += 1;
    setTimeout(connect, Math.min(500 * 2 ** attempt, 30000));
  });
}

function send(question) {
  pending = question;
  asked += 1;
  socket.send(JSON.stringify({ id: asked, query: question }));
}

function take({ id, event, data }) {
  // An answer to an earlier question may still be coming in.
  if (id !== undefined && id !== asked) return;
  if (event === "started") {
    list.replaceChildren();
    status.textContent = "Searching…";
  } else if (event === "result") {
    // The server's own escaped card, the same that the page has when it is loaded.
    list.insertAdjacentHTML("beforeend", data.html);
    reveal(list.lastElementChild);
  } else if (event === "completed") {
    pending = null;
    status.innerHTML = data.html;
  } else if (event === "error") {
    pending = null;
    status.textContent = data.detail ?? data.error;
  }
}

// A long passage scrolls in its card; the first word that was found should be in sight.
function reveal(card) {
  const content = card.querySelector(".content");
  const mark = content.querySelector("mark");
  if (!mark) return;
  const below = mark.getBoundingClientRect().bottom - content.getBoundingClientRect().bottom;
  if (below > 0) content.scrollTop = below + content.clientHeight / 2;
}

form.addEventListener("submit", (event) => {
  const question = input.value.trim();
  if (!question || socket?.readyState !== WebSocket.OPEN) return;
  event.preventDefault();
  history.pushState(null, "", `?q=${encodeURIComponent(question)}`);
  send(question);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, textarea, select")) {
    event.preventDefault();
    input.focus();
  }
});
// An earlier question of this page: the server answers it again, and counts nothing.
addEventListener("popstate", () => location.reload());
[...list.children].forEach(reveal);
if (!input.disabled) connect();
