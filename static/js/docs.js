// Starts whichever of the two API readers this page carries.
if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true });
} else if (window.Redoc) {
  window.Redoc.init(
    "/openapi.json",
    { disableSearch: false, hideDownloadButtons: false },
    document.querySelector("#docs"),
  );
}
