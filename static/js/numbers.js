// Numbers as the person of this page writes them; the server has written them in English.
import { all } from "./elements.js";

const { locale } = document.documentElement.dataset;
const format = new Intl.NumberFormat(locale ?? "en");

function write() {
  for (const element of all("data[value]", HTMLDataElement)) {
    const text = format.format(Number(element.value));
    if (element.textContent !== text) element.textContent = text;
  }
}

if (locale && !locale.startsWith("en")) {
  write();
  document.addEventListener("htmx:after:swap", write);
  document.addEventListener("htmx:ws:after:message:incoming", write);
}
