// Starts the API reader, Swagger UI or Redoc, that this page carries.
const root = document.querySelector("#docs");
const url = root?.getAttribute("data-document");
if (root && url) {
  window.SwaggerUIBundle?.({ url, dom_id: "#docs", deepLinking: true });
  window.Redoc?.init(url, { disableSearch: false, hideDownloadButtons: false }, root);
}
