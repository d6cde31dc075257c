// Times and numbers as the person of this page writes them. Times stay fresh, in the words of
// `core/clock.py`, and a click shows all as moments.
import { all, around } from "./elements.js";
import { keep, kept } from "./keeping.js";

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const SECOND = UNITS[3];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const moment = dates({ dateStyle: "medium", timeStyle: "short" });
const whole = dates({ dateStyle: "full", timeStyle: "long" });

/**
 * Dates as the person of this page writes them, in their time zone or else the browser's.
 * @param {Intl.DateTimeFormatOptions} style
 */
export function dates(style) {
  const { locale = "en-GB", timeZone } = document.documentElement.dataset;
  try {
    return new Intl.DateTimeFormat(locale, { ...style, timeZone: timeZone || undefined });
  } catch {
    // A browser that does not know the zone by this name.
    return new Intl.DateTimeFormat(locale, style);
  }
}

let isAbsolute = kept("times") === "absolute";

/** @param {HTMLTimeElement} time */
function inWords(time) {
  const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? SECOND;
  const count = seconds < 0 ? Math.trunc(seconds / size) : Math.round(seconds / size);
  return relative.format(count, unit);
}

function freshen() {
  for (const time of all("time[data-relative]", HTMLTimeElement)) {
    const at = new Date(time.dateTime);
    const text = isAbsolute ? moment.format(at) : inWords(time);
    const title = isAbsolute ? inWords(time) : whole.format(at);
    if (time.textContent !== text) time.textContent = text;
    if (time.title !== title) time.title = title;
  }
}

/** Show all times as moments, or as how long ago they were. @param {boolean} asMoments */
export function showTimes(asMoments) {
  isAbsolute = asMoments;
  keep("times", isAbsolute ? "absolute" : "relative");
  freshen();
}

/** Let a form ask for times in the zone that the person has named, or else the browser's. */
function askInOwnZone() {
  const { timeZone } = moment.resolvedOptions();
  for (const field of all("input[data-zone]", HTMLInputElement)) {
    field.value = timeZone;
    for (const name of all("[data-zone-name]", HTMLElement, field.form ?? document)) {
      name.textContent = timeZone;
    }
  }
}

const { locale } = document.documentElement.dataset;
/** One for each count of digits behind the point, which stay as many. @type {Intl.NumberFormat[]} */
const formats = [];

/** @param {string} value */
function written(value) {
  const digits = value.split(".")[1]?.length ?? 0;
  formats[digits] ??= new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return formats[digits].format(Number(value));
}

// What can hold no element has `data-local`: titles, options, labels of pictures, what asks. Its value is
// where our own words begin, because what stands before is a name; empty, all of it is ours.
const IN_WORDS = /\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+(?= (?:%|[kMG]B))/g;
const ATTRIBUTES = ["title", "aria-label", "data-confirm"];

/** @param {Element} element */
function reword(element) {
  const ours = element.getAttribute("data-local");
  /** @param {string} text */
  const reworded = (text) => {
    // What is not there any more is written already.
    const at = ours ? text.lastIndexOf(ours) : 0;
    const words = text.slice(at).replace(IN_WORDS, (number) => written(number.replaceAll(",", "")));
    return text.slice(0, at) + words;
  };
  for (const { name, value } of element.attributes)
    if (ATTRIBUTES.includes(name)) element.setAttribute(name, reworded(value));
  for (const node of element.childNodes) {
    if (node instanceof Text && reworded(node.data) !== node.data) node.data = reworded(node.data);
  }
}

function write() {
  for (const element of all("[data-local]", Element)) reword(element);
  for (const element of all("data[value]", HTMLDataElement)) {
    const text = written(element.value);
    if (element.textContent !== text) element.textContent = text;
  }
}

function draw() {
  freshen();
  if (locale && !locale.startsWith("en")) write();
}

document.addEventListener("click", (event) => {
  if (around(event, "time[data-relative]") && !around(event, "a, button")) showTimes(!isAbsolute);
});
draw();
askInOwnZone();
setInterval(freshen, 10000);
document.addEventListener("htmx:after:swap", draw);
document.addEventListener("htmx:ws:after:message:incoming", draw);
// What scripts draw of an answer.
document.addEventListener("callboard:drawn", draw);
