// What every page has: theme, live dot, toasts, confirmation, copying, refreshing, fresh times, the palette.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function theme() {
  for (const select of all("[data-theme-select]")) {
    select.hidden = false;
    select.value = document.documentElement.dataset.theme;
    select.addEventListener("change", () => {
      document.documentElement.dataset.theme = select.value;
      try {
        localStorage.setItem("theme", select.value);
      } catch {
        // The choice then lasts for this page.
      }
      document.dispatchEvent(new CustomEvent("callboard:theme"));
    });
  }
}

function liveDot() {
  const dot = document.querySelector("[data-live-dot]");
  if (!dot) return;
  const show = (isLive) => {
    dot.classList.toggle("live", isLive);
    dot.textContent = isLive ? "live" : "not live";
  };
  document.addEventListener("htmx:ws:after:connection", () => show(true));
  document.addEventListener("htmx:ws:close", () => show(false));
  document.addEventListener("htmx:ws:error", () => show(false));
}

function toasts() {
  const region = document.querySelector("#toasts");
  const leave = () => {
    for (const toast of all(".toast:not(.error, [data-leaving])", region)) {
      toast.dataset.leaving = "";
      setTimeout(() => toast.remove(), 8000);
    }
  };
  leave();
  // htmx and sockets add toasts to a page that is already open.
  new MutationObserver(leave).observe(region, { childList: true });
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  });
}

function confirmation() {
  const dialog = document.querySelector("dialog.confirm");
  let waiting = null;
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!form.dataset?.confirm || form === waiting) return;
      event.preventDefault();
      event.stopPropagation();
      dialog.querySelector("p").textContent = form.dataset.confirm;
      dialog.returnValue = "";
      dialog.showModal();
      dialog.onclose = () => {
        if (dialog.returnValue !== "yes") return;
        waiting = form;
        form.requestSubmit(event.submitter);
        waiting = null;
      };
    },
    true,
  );
}

function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = "Copied";
    } catch {
      // Over plain http there is no clipboard: select the text, so that one key copies it.
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl C";
    }
  });
}

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

function freshTimes() {
  for (const time of all("time[data-relative]")) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) || ["second", 1];
    const text = relative.format(Math.trunc(seconds / size), unit);
    if (time.textContent !== text) time.textContent = text;
  }
}

// A push says that there is something new; a part with filters of its own is then fetched again.
function refreshing() {
  const revision = () =>
    all("[data-revision]")
      .map((element) => element.dataset.revision)
      .join();
  let known = revision();
  document.addEventListener("htmx:ws:after:message:incoming", () => {
    const now = revision();
    if (now === known) return;
    known = now;
    for (const part of all("[data-refresh]")) {
      // Who has selected something would lose it.
      if (!part.querySelector("[name=id]:checked")) window.htmx.trigger(part, "refresh");
    }
  });
}

// A log only grows: a socket is told the last row that the page has, and sends what follows.
function logs() {
  document.addEventListener("htmx:ws:after:connection", ({ detail }) => {
    for (const list of all("[data-log]")) {
      const after = Math.max(0, ...all("[data-row]", list).map(rowId));
      detail.connection.socket.send(JSON.stringify({ feed: list.dataset.log, after }));
    }
  });
  document.addEventListener("htmx:ws:after:message:incoming", () => {
    for (const list of all("[data-log]")) tidy(list);
  });
}

const rowId = (row) => Number(row.dataset.row);

// Newest first, each row once and not too many: some come twice, and a late one after newer ones.
function tidy(list) {
  const rows = all("[data-row]", list);
  const once = [...new Map(rows.map((row) => [rowId(row), row])).values()];
  const kept = once.sort((one, other) => rowId(other) - rowId(one)).slice(0, list.dataset.most);
  if (kept.length !== rows.length || kept.some((row, at) => row !== rows[at])) {
    list.replaceChildren(...kept);
  }
}

function ticking() {
  const show = () => {
    const count = document.querySelector("[data-tick-count]");
    if (!count) return;
    const bar = count.closest("form");
    const ticks = all("[name=id]");
    const chosen = ticks.filter((tick) => tick.checked).length;
    const isAll = bar.querySelector("[name=all]")?.checked ?? false;
    count.textContent = isAll ? "" : `${chosen} selected`;
    for (const button of all("button[name=action]", bar)) button.disabled = !chosen && !isAll;
    for (const button of all("[data-export]", bar)) {
      const total = Number(button.dataset.export);
      button.textContent = `Export ${(chosen && !isAll ? chosen : total).toLocaleString("en")}`;
    }
    const every = document.querySelector("[data-tick-all]");
    every.hidden = false;
    every.checked = chosen > 0 && chosen === ticks.length;
    every.indeterminate = chosen > 0 && chosen < ticks.length;
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) {
      for (const tick of all("[name=id]")) tick.checked = event.target.checked;
    }
    show();
  });
  document.addEventListener("htmx:after:swap", show);
  show();
}

function palette() {
  const dialog = document.querySelector("dialog.palette");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const results = dialog.querySelector(".palette-results");
  const links = () => all("a", results);
  let latest = 0;

  const select = (index) => {
    const items = links();
    for (const [at, item] of items.entries()) {
      item.setAttribute("aria-selected", String(at === index));
    }
    const chosen = items[index];
    input.setAttribute("aria-activedescendant", chosen?.id || "");
    chosen?.scrollIntoView({ block: "nearest" });
  };
  const refresh = async () => {
    const mine = ++latest;
    const response = await fetch(`${dialog.dataset.from}?q=${encodeURIComponent(input.value)}`);
    const html = await response.text();
    if (mine !== latest || !response.ok) return;
    // The server's own escaped fragment, the same that htmx would swap in.
    results.innerHTML = html;
    select(0);
  };
  const open = () => {
    if (dialog.open) return;
    dialog.showModal();
    input.select();
    refresh();
  };
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  for (const button of all("[data-palette]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
  input.addEventListener("input", refresh);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      // A search field would take the first Escape for emptying itself.
      event.preventDefault();
      dialog.close();
    }
    const items = links();
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      select((at + step + items.length) % items.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      items[at]?.click();
    }
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function menu() {
  const details = document.querySelector("details.menu");
  if (!details) return;
  // Browsers without ::details-content hide a closed menu at every width.
  const wide = matchMedia("(min-width: 721px)");
  if (wide.matches && !CSS.supports("selector(::details-content)")) details.open = true;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || wide.matches || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
  });
}

// On a phone the tabs scroll; the one that is open should be in sight.
function tabs() {
  for (const tab of all(".tabs [aria-current]"))
    tab.scrollIntoView({ block: "nearest", inline: "center" });
}

// Narrows a tree to the items that hold a text, with what is above them.
function filtering() {
  document.addEventListener("input", (event) => {
    const tree =
      event.target.dataset?.filter && document.querySelector(event.target.dataset.filter);
    if (!tree) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const item of all("li", tree)) {
      item.hidden = wanted !== "" && !item.textContent.toLowerCase().includes(wanted);
      const details = item.querySelector(":scope > details");
      if (details && wanted) details.open = !item.hidden;
    }
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-reload]")) return;
    const url = new URL(location.href);
    url.searchParams.set(event.target.name, event.target.value);
    location.assign(url);
  });
}

theme();
filtering();
menu();
tabs();
liveDot();
toasts();
confirmation();
copying();
palette();
refreshing();
logs();
ticking();
freshTimes();
setInterval(freshTimes, 10000);
document.addEventListener("htmx:after:swap", freshTimes);
document.addEventListener("htmx:ws:after:message:incoming", freshTimes);
