// Starts whichever of the two API readers this page carries.
const root = document.querySelector("#docs");
if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({ url: root.dataset.document, dom_id: "#docs", deepLinking: true });
} else if (window.Redoc) {
  window.Redoc.init(
    root.dataset.document,
    { disableSearch: false, hideDownloadButtons: false },
    root,
  );
}
