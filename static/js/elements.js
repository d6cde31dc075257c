// What scripts ask the page for. An import's address stays the same with an upgrade, and browsers keep
// what is behind it for an hour: what stands here never changes its meaning, it gets another name.

/**
 * The element that the page has for this script.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @param {ParentNode} [within]
 */
export function one(selector, kind, within = document) {
  const element = within.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`There is no ${selector} here.`);
}
