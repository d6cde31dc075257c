// What the browser keeps for us. One that keeps nothing throws; then nothing was kept.

/**
 * The text that is kept under a name; null where there is none.
 * @param {string} name
 * @param {"localStorage" | "sessionStorage"} [where] for all tabs, or for this one while it is open
 */
export function kept(name, where = "localStorage") {
  try {
    return window[where].getItem(name);
  } catch {
    return null;
  }
}

/**
 * Keep a text under a name, or nothing any more.
 * @param {string} name
 * @param {string | null} text
 * @param {"localStorage" | "sessionStorage"} [where]
 */
export function keep(name, text, where = "localStorage") {
  try {
    if (text === null) window[where].removeItem(name);
    else window[where].setItem(name, text);
  } catch {
    // What it was for lasts as long as the page.
  }
}
