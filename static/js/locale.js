// Times and numbers as the person of this page writes them. Times stay fresh, in the words of
// `webapp/core/clock.py`, and a click shows all as moments; numbers the server has written in English.
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

// What can hold no element says by `data-local` that it is a sentence of ours: titles, options, labels of
// pictures, what asks and what tells. No name is meant: of numbers with a point only those with a unit.
const IN_WORDS = /\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+(?= (?:%|[kMG]B))/g;
const ATTRIBUTES = ["title", "aria-label", "data-confirm", "data-confirm-verb"];

/** @param {string} text */
const reworded = (text) => text.replace(IN_WORDS, (number) => written(number.replaceAll(",", "")));

/** @param {Element} element */
function reword(element) {
  for (const name of ATTRIBUTES) {
    const words = element.getAttribute(name) ?? "";
    if (reworded(words) !== words) element.setAttribute(name, reworded(words));
  }
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

const isEnglish = !locale || locale.startsWith("en");

function draw() {
  freshen();
  if (!isEnglish) write();
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
