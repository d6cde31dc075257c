// Finding elements by their kind, for the other scripts.

/**
 * The elements of a kind that a selector finds.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @param {ParentNode} [within]
 */
export const all = (selector, kind, within = document) =>
  [...within.querySelectorAll(selector)].filter(
    /** @returns {element is E} */ (element) => element instanceof kind,
  );

/**
 * The first of them.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @param {ParentNode} [within]
 * @returns {E | undefined}
 */
export const first = (selector, kind, within) => all(selector, kind, within)[0];

/**
 * The one that a script cannot do without.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @param {ParentNode} [within]
 * @returns {E}
 */
export function one(selector, kind, within) {
  const element = first(selector, kind, within);
  if (element) return element;
  throw new Error(`There is no ${selector} here.`);
}

/**
 * What surrounds the place of an event.
 * @param {Event} event
 * @param {string} selector
 */
export const around = ({ target }, selector) => {
  const element = target instanceof Element ? target.closest(selector) : null;
  return element instanceof HTMLElement ? element : undefined;
};
