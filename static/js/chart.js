// Draws <div class="chart" data-series='{"x": [...], "y": [...]}'> with uPlot, in our colours.
// data-range='[from, to]', in seconds, says how much time it shows; else as much as its points take.
import uPlot from "../vendor/uplot-1.6.32.min.js";

// Hours as operators write them; each row: smallest step in seconds, then how a tick reads.
/** @type {[number, string][]} */
const STEPS = [
  [86400, "{MM}-{DD}"],
  [60, "{HH}:{mm}"],
  [1, "{HH}:{mm}:{ss}"],
];
const TICKS = STEPS.map(([step, format]) => [step, format, null, null, null, null, null, null, 1]);

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

/** @param {HTMLElement} element */
function draw(element) {
  const plot = element.querySelector(".plot");
  if (!(plot instanceof HTMLElement)) return;
  /** @type {() => uPlot.AlignedData} */
  const values = () => {
    const { x, y } = JSON.parse(element.dataset.series ?? "{}");
    return [x, y];
  };
  /** @type {uPlot | undefined} */
  let chart;
  const make = () => {
    chart?.destroy();
    plot.replaceChildren();
    const { range, maximum, label } = element.dataset;
    const isLong = "isLong" in element.dataset;
    /** @type {uPlot.Scale} */
    const y = { range: (_chart, _low, high) => [0, Number(maximum) || Math.max(high, 4)] };
    const x = range ? { range: () => JSON.parse(element.dataset.range ?? range) } : {};
    const axis = {
      stroke: colour(element, "muted"),
      grid: { stroke: colour(element, "line"), width: 1 },
      ticks: { show: false },
    };
    chart = new uPlot(
      {
        width: plot.clientWidth || 400,
        height: 170,
        cursor: { y: false },
        scales: { x, y },
        axes: [
          { ...axis, values: TICKS, size: 30 },
          { ...axis, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1000] },
        ],
        series: [
          {
            label: "Time",
            value: isLong ? "{YYYY}-{MM}-{DD} {HH}:{mm}" : "{HH}:{mm}",
          },
          {
            label,
            stroke: colour(element, "accent"),
            fill: colour(element, "accent-soft"),
            width: 1.5,
            points: { show: isLong },
          },
        ],
      },
      values(),
      plot,
    );
  };
  make();
  new ResizeObserver(() => chart?.setSize({ width: plot.clientWidth, height: 170 })).observe(plot);
  new MutationObserver(() => chart?.setData(values())).observe(element, {
    attributeFilter: ["data-series", "data-range"],
  });
  document.addEventListener("callboard:theme", make);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", make);
}

const drawn = new WeakSet();
const drawAll = () => {
  for (const element of document.querySelectorAll(".chart[data-series]")) {
    if (drawn.has(element) || !(element instanceof HTMLElement)) continue;
    drawn.add(element);
    draw(element);
  }
};
drawAll();
document.addEventListener("htmx:after:swap", drawAll);
