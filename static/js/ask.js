// The Ask page: questions go over a socket, results are drawn as they arrive.
const root = document.querySelector("[data-ask]");
const form = root.querySelector("form");
const input = form.querySelector("input[name=q]");
const list = root.querySelector(".results");
const status = root.querySelector("[data-ask-status]");
const template = document.querySelector("#result-template");
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
    list.append(draw(data));
    reveal(list.lastElementChild);
  } else if (event === "completed") {
    pending = null;
    status.textContent = data.total_results
      ? `${data.total_results} passages in ${data.query_time_ms.toFixed(1)} ms`
      : "The documents say nothing about this. Try other words, or add a document that does.";
  } else if (event === "error") {
    pending = null;
    status.textContent = data.detail ?? data.error;
  }
}

function draw(result) {
  const card = template.content.cloneNode(true);
  const meta = result.metadata;
  const link = card.querySelector("a");
  link.textContent = meta.title;
  link.href = meta.document_url;
  card.querySelector(".path").textContent = meta.heading_path.join(" › ");
  card.querySelector("progress").value = result.score;
  card.querySelector(".value").textContent = result.score.toFixed(3);
  card.querySelector(".parts").textContent =
    `keywords ${meta.bm25.toFixed(2)} · meaning ${meta.cosine.toFixed(2)}`;
  const content = card.querySelector(".content");
  // Offsets count characters as the server does, code points and not UTF-16 units.
  const characters = [...result.content];
  let end = 0;
  for (const [start, stop] of meta.highlights) {
    content.append(characters.slice(end, start).join(""));
    const mark = document.createElement("mark");
    mark.textContent = characters.slice(start, stop).join("");
    content.append(mark);
    end = stop;
  }
  content.append(characters.slice(end).join(""));
  return card;
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
