// Loaded before the style sheet paints, so that no page flashes in the other theme.
try {
  document.documentElement.dataset.theme = localStorage.getItem("theme") || "system";
} catch {
  // A browser that keeps nothing for us follows its own theme.
}
