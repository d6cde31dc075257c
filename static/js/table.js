// Rows that are chosen together.
import { all, first } from "./elements.js";

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

ticking();
