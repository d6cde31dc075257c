// Loaded before the style sheet paints, so that no page flashes in the other theme. The server writes a
// person's theme on the page; a page without a person takes what this browser showed last.
try {
  const { dataset } = document.documentElement;
  if (dataset.theme) localStorage.setItem("theme", dataset.theme);
  else dataset.theme = localStorage.getItem("theme") ?? "system";
} catch {
  // A browser that keeps nothing for us follows its own theme.
}
