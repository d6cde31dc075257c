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

if (locale && !locale.startsWith("en")) {
  write();
  document.addEventListener("htmx:after:swap", write);
  document.addEventListener("htmx:ws:after:message:incoming", write);
  // What scripts draw of an answer.
  document.addEventListener("callboard:drawn", write);
}
