// Numbers as the person of this page writes them; the server has written them in English.
import { all } from "./elements.js";

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

function write() {
  for (const element of all("data[value]", HTMLDataElement)) {
    const text = written(element.value);
    if (element.textContent !== text) element.textContent = text;
  }
}

if (locale && !locale.startsWith("en")) {
  write();
  document.addEventListener("htmx:after:swap", write);
  document.addEventListener("htmx:ws:after:message:incoming", write);
  // What scripts draw of an answer.
  document.addEventListener("callboard:drawn", write);
}
