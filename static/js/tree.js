// Narrows a tree to the items that hold a text, with what is above them; reloads on a choice.
import { all, first } from "./elements.js";

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

filtering();
