// What pages bring beside our scripts: vendored libraries, and the events that scripts meet.

/** A socket of htmx is open: what is sent on it reaches `/ws/live`. */
type LiveConnection = CustomEvent<{ connection: { socket: WebSocket } }>;

/** A request of htmx, which all its events tell of by the same object. */
type HtmxRequest = CustomEvent<{ ctx: object }>;

interface DocumentEventMap {
  "htmx:before:request": HtmxRequest;
  "htmx:before:swap": HtmxRequest;
  "htmx:ws:after:connection": LiveConnection;
}

interface Window {
  htmx: { trigger(element: Element, event: string): void };
  SwaggerUIBundle?(options: { url: string; dom_id: string; deepLinking: boolean }): void;
  Redoc?: { init(url: string, options: Record<string, boolean>, root: Element): void };
}
