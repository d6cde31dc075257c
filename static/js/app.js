// What every page has: theme, live dot, toasts, confirmation, copying, refreshing, fresh times; and
// what it is after a form: an address to come back to.

/**
 * The elements of a kind that a selector finds.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @param {ParentNode} [within]
 */
const all = (selector, kind, within = document) =>
  [...within.querySelectorAll(selector)].filter(
    /** @returns {element is E} */ (element) => element instanceof kind,
  );

/**
 * The first of them.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @param {ParentNode} [within]
 * @returns {E | undefined}
 */
const first = (selector, kind, within) => all(selector, kind, within)[0];

/**
 * What surrounds the place of an event.
 * @param {Event} event
 * @param {string} selector
 */
const around = ({ target }, selector) => {
  const element = target instanceof Element ? target.closest(selector) : null;
  return element instanceof HTMLElement ? element : undefined;
};

// Back to what answers a form would have to send the form again: it becomes the form's own page.
function address() {
  const { address } = document.documentElement.dataset;
  if (address) history.replaceState(null, "", address);
}

function theme() {
  for (const select of all("[data-theme-select]", HTMLSelectElement)) {
    select.hidden = false;
    select.value = document.documentElement.dataset.theme ?? "system";
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
  /** @param {boolean} isLive */
  const show = (isLive) => {
    dot.classList.toggle("live", isLive);
    dot.textContent = isLive ? "live" : "not live";
  };
  document.addEventListener("htmx:ws:after:connection", () => show(true));
  document.addEventListener("htmx:ws:close", () => show(false));
  document.addEventListener("htmx:ws:error", () => show(false));
}

function toasts() {
  const region = first("#toasts", HTMLElement);
  if (!region) return;
  const leave = () => {
    for (const toast of all(".toast:not(.error, [data-leaving])", HTMLElement, region)) {
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

// What a socket pushes is drawn for many people: its forms go with the token of this page.
function tokens() {
  document.addEventListener(
    "submit",
    ({ target }) => {
      if (!(target instanceof HTMLFormElement)) return;
      const field = target.querySelector(
        'input[name="csrf_token"][value=""], input[name="csrf_token"]:not([value])',
      );
      const headers = document.body.getAttribute("hx-headers:inherited");
      if (field instanceof HTMLInputElement && headers)
        field.value = JSON.parse(headers)["X-CSRFToken"];
    },
    true,
  );
}

function confirmation() {
  const dialog = first("dialog.confirm", HTMLDialogElement);
  const question = dialog?.querySelector("p");
  if (!dialog || !question) return;
  /** @type {HTMLFormElement | undefined} */
  let confirmed;
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || !form.dataset.confirm || form === confirmed) return;
      event.preventDefault();
      event.stopPropagation();
      question.textContent = form.dataset.confirm;
      dialog.returnValue = "";
      dialog.showModal();
      dialog.onclose = () => {
        if (dialog.returnValue !== "yes") return;
        confirmed = form;
        form.requestSubmit(event.submitter);
        confirmed = undefined;
      };
    },
    true,
  );
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

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const SECOND = UNITS[3];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

function freshTimes() {
  for (const time of all("time[data-relative]", HTMLTimeElement)) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? SECOND;
    const text = relative.format(Math.trunc(seconds / size), unit);
    if (time.textContent !== text) time.textContent = text;
  }
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
}

function ticking() {
  const show = () => {
    const count = document.querySelector("[data-tick-count]");
    const bar = count?.closest("form");
    if (!count || !bar) return;
    const ticks = all("[name=id]", HTMLInputElement);
    const chosen = ticks.filter((tick) => tick.checked).length;
    const isAll = first("[name=all]", HTMLInputElement, bar)?.checked ?? false;
    count.textContent = isAll ? "" : `${chosen} selected`;
    for (const button of all("button[name=action]", HTMLButtonElement, bar)) {
      button.disabled = !chosen && !isAll;
    }
    for (const button of all("[data-export]", HTMLElement, bar)) {
      const total = Number(button.dataset.export);
      button.textContent = `Export ${(chosen && !isAll ? chosen : total).toLocaleString("en")}`;
    }
    const every = first("[data-tick-all]", HTMLInputElement);
    if (!every) return;
    every.hidden = false;
    every.checked = chosen > 0 && chosen === ticks.length;
    every.indeterminate = chosen > 0 && chosen < ticks.length;
  };
  document.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement && "tickAll" in target.dataset) {
      for (const tick of all("[name=id]", HTMLInputElement)) tick.checked = target.checked;
    }
    show();
  });
  document.addEventListener("htmx:after:swap", show);
  show();
}

function menu() {
  const details = first("details.menu", HTMLDetailsElement);
  if (!details) return;
  // Browsers without ::details-content hide a closed menu at every width.
  const wide = matchMedia("(min-width: 721px)");
  if (wide.matches && !CSS.supports("selector(::details-content)")) details.open = true;
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

// Narrows a tree to the items that hold a text, with what is above them.
function filtering() {
  document.addEventListener("input", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.dataset.filter) return;
    const tree = document.querySelector(target.dataset.filter);
    if (!tree) return;
    const text = target.value.trim().toLowerCase();
    for (const item of all("li", HTMLLIElement, tree)) {
      item.hidden = !item.textContent.toLowerCase().includes(text);
      const details = first(":scope > details", HTMLDetailsElement, item);
      if (details && text) details.open = !item.hidden;
    }
  });
  document.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !("reload" in target.dataset)) return;
    const url = new URL(location.href);
    url.searchParams.set(target.name, target.value);
    location.assign(url);
  });
}

address();
theme();
filtering();
menu();
tabs();
liveDot();
toasts();
tokens();
confirmation();
copying();
refreshing();
logs();
ticking();
freshTimes();
setInterval(freshTimes, 10000);
document.addEventListener("htmx:after:swap", freshTimes);
document.addEventListener("htmx:ws:after:message:incoming", freshTimes);
