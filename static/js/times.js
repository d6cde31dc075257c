// Times that stay fresh, in the words of `webapp/core/clock.py`; a click shows all as moments.
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

/** Let a form ask for times in the browser's zone, where the person has named none. */
function askInOwnZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const field of all("input[data-zone]", HTMLInputElement)) {
    field.value = timeZone;
    for (const name of all("[data-zone-name]", HTMLElement, field.form ?? document)) {
      name.textContent = timeZone;
    }
  }
}

document.addEventListener("click", (event) => {
  if (around(event, "time[data-relative]") && !around(event, "a, button")) showTimes(!isAbsolute);
});
freshen();
askInOwnZone();
setInterval(freshen, 10000);
document.addEventListener("htmx:after:swap", freshen);
document.addEventListener("htmx:ws:after:message:incoming", freshen);
