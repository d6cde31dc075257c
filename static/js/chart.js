// Draws `ui.chart` with uPlot, in our colours; what is pointed at is told beside it, and the same
// numbers are a table below.
import uPlot from "../vendor/uplot-1.6.32.min.js";
import { all, one } from "./elements.js";
import { dates } from "./locale.js";

const DAY = 86400;
const HEIGHT = 180;
const { locale, timeZone } = document.documentElement.dataset;
const numbers = new Intl.NumberFormat(locale || "en-GB", { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat(locale || "en-GB", {
  notation: "compact",
  maximumFractionDigits: 1,
});
const dayOf = dates({ day: "numeric", month: "short" });
const hourOf = dates({ hour: "2-digit", minute: "2-digit" });
const momentOf = dates({ dateStyle: "medium", timeStyle: "short" });
// Steps of whole numbers between the lines: 1, 2, 5, 10, 20, 50, …
const INCREMENTS = Array.from(
  { length: 30 },
  (_, place) => [1, 2, 5][place % 3] * 10 ** Math.floor(place / 3),
);

/** @param {number} seconds */
const at = (seconds) => new Date(1000 * seconds);

// A token as the chart's own surroundings see it, which may be of the other theme.
/** @type {(element: Element, name: string) => string} */
const colour = (element, name) => {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
};

/** @param {number} seconds */
function wallClock(seconds) {
  try {
    return timeZone ? uPlot.tzDate(at(seconds), timeZone) : at(seconds);
  } catch {
    // A browser that does not know the zone by this name.
    return at(seconds);
  }
}

/** @param {HTMLElement} element @param {number} value */
const told = ({ dataset }, value) => `${numbers.format(value)}${dataset.unit ?? ""}`;

/** @param {HTMLElement} element @returns {[number[], number[]]} */
function seriesOf(element) {
  const { x = [], y = [] } = JSON.parse(element.dataset.series ?? "{}");
  return [x, y];
}

// What is pointed at: its value, and when that was.
/** @param {HTMLElement} element @returns {uPlot.Plugin} */
function tip(element) {
  const label = document.createElement("div");
  label.className = "chart-tip";
  label.hidden = true;
  return {
    hooks: {
      init: (chart) => chart.over.append(label),
      setCursor: (chart) => {
        const { idx } = chart.cursor;
        label.hidden = typeof idx !== "number";
        if (typeof idx !== "number") return;
        const [x, y] = chart.data;
        const value = document.createElement("b");
        value.textContent = told(element, y[idx] ?? 0);
        label.replaceChildren(value, ` ${momentOf.format(at(x[idx]))}`);
        const left = chart.valToPos(x[idx], "x");
        const room = chart.over.clientWidth - label.offsetWidth;
        label.style.left = `${Math.max(0, Math.min(left - label.offsetWidth / 2, room))}px`;
      },
    },
  };
}

/** @param {HTMLElement} element @param {HTMLElement} plot */
function plotOf(element, plot) {
  const { range, maximum } = element.dataset;
  const isSparse = "isSparse" in element.dataset;
  /** @type {uPlot.Scale} */
  const y = { range: (_chart, _low, high) => [0, Number(maximum) || Math.max(high * 1.05, 4)] };
  const x = range ? { range: () => JSON.parse(element.dataset.range ?? range) } : {};
  const axis = {
    stroke: colour(element, "muted"),
    grid: { stroke: colour(element, "line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return new uPlot(
    {
      width: plot.clientWidth || 400,
      height: HEIGHT,
      cursor: { y: false, points: { size: 8 } },
      legend: { show: false },
      plugins: [tip(element)],
      tzDate: wallClock,
      scales: { x, y },
      axes: [
        {
          ...axis,
          size: 30,
          space: 64,
          values: (_chart, moments, _axis, _space, step) => {
            const isLong = moments.length > 0 && moments[moments.length - 1] - moments[0] > DAY;
            const labels = moments.map((moment) => {
              const isMidnight = wallClock(moment).getHours() === 0;
              const isDay = step >= DAY || (isLong && isMidnight);
              return (isDay ? dayOf : hourOf).format(at(moment));
            });
            // Some steps are of seconds: a minute is said once.
            return labels.map((label, place) => (label === labels[place - 1] ? null : label));
          },
        },
        {
          ...axis,
          size: 44,
          incrs: INCREMENTS,
          values: (_chart, values) =>
            values.map((value) => `${compact.format(value)}${element.dataset.unit ?? ""}`),
        },
      ],
      series: [
        {},
        {
          stroke: colour(element, "accent"),
          fill: colour(element, "accent-soft"),
          width: 1.5,
          points: { show: isSparse },
        },
      ],
    },
    seriesOf(element),
    plot,
  );
}

// The same numbers, newest first; drawn when somebody opens them.
/** @param {HTMLElement} element */
function list(element) {
  const place = one(".numbers", HTMLElement, element);
  if (!place.closest("details[open]")) return;
  const [x, y] = seriesOf(element);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of ["Time", element.dataset.label ?? ""]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (let place = x.length - 1; place >= 0; place--) {
    const row = body.insertRow();
    row.insertCell().textContent = momentOf.format(at(x[place]));
    row.insertCell().textContent = told(element, y[place]);
  }
  for (const row of table.rows) row.cells[1].className = "number";
  place.replaceChildren(table);
}

/** @param {HTMLElement} element */
function draw(element) {
  const plot = one(".plot", HTMLElement, element);
  /** @type {uPlot | undefined} */
  let chart;
  const make = () => {
    chart?.destroy();
    plot.replaceChildren();
    chart = plotOf(element, plot);
  };
  make();
  const resize = () => chart?.setSize({ width: plot.clientWidth, height: HEIGHT });
  new ResizeObserver(resize).observe(plot);
  new MutationObserver(() => {
    chart?.setData(seriesOf(element));
    list(element);
  }).observe(element, { attributeFilter: ["data-series", "data-range"] });
  one("details", HTMLDetailsElement, element).addEventListener("toggle", () => list(element));
  document.addEventListener("callboard:theme", make);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", make);
}

const drawn = new WeakSet();
const drawAll = () => {
  for (const element of all(".chart[data-series]", HTMLElement)) {
    if (drawn.has(element)) continue;
    drawn.add(element);
    draw(element);
  }
};
drawAll();
document.addEventListener("htmx:after:swap", drawAll);
