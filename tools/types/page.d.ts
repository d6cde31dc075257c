// What pages bring beside our scripts: vendored libraries, and the events that scripts meet.

/** A socket of htmx is open: what is sent on it reaches `/ws/live`. */
type LiveConnection = CustomEvent<{ connection: { socket: WebSocket } }>;

interface DocumentEventMap {
  "htmx:ws:after:connection": LiveConnection;
}

interface Window {
  htmx: { trigger(element: Element, event: string): void };
  SwaggerUIBundle?(options: { url: string; dom_id: string; deepLinking: boolean }): void;
  Redoc?: { init(url: string, options: Record<string, boolean>, root: Element): void };
}
