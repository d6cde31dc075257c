"""Servers of models on loopback, in a thread, that keep what they are sent.

    with OpenAIServer() as server:
        server.then(Answer(calls=(Call("calculator", {"expression": "2+2"}),)), Answer("Four."))
        ...  # ask at server.url
        assert len(server.requests) == 2

Without an answer of its own a request is answered with what it says last. A model's name may ask
for a fault or for patience (`answers.answer_of_model`). `python -m tests.support.models 8900`
serves the OpenAI protocol there, and Anthropic's on the next port.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.answers import REFUSALS, Answer, Fault, Request, answer_of_model

PAGE = "<!doctype html><title>Welcome</title><h1>This is the gateway's start page.</h1>"


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False


class ModelServer:
    """What both protocols share; a subclass has the paths, and the shapes of answers."""

    #: the path that answers, below the server's url
    path: str
    base: str

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self._answers: deque[Answer] = deque()
        self._lock = threading.Lock()
        self.ending = threading.Event()
        handler = type("Handler", (Handler,), {"owner": self})
        self._server = Server(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What a model's `base_url` is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.base}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def then(self, *answers: Answer) -> None:
        """Answer the next requests so."""
        self._answers.extend(answers)

    def take(self, request: Request) -> Answer:
        """The answer to a request, which is kept."""
        with self._lock:
            self.requests.append(request)
            if asked := answer_of_model(request.model):
                return asked
            if self._answers:
                return self._answers.popleft()
        return Answer(f"You said: {_last_text(request.body)}")

    def whole(self, request: Request, answer: Answer) -> dict[str, Any]:
        """The answer in one piece."""
        raise NotImplementedError

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        """The answer as events; a fault that breaks off is the handler's matter."""
        raise NotImplementedError

    def error(self, kind: str, code: str, message: str) -> dict[str, Any]:
        raise NotImplementedError


class Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words: object) -> None:
        pass

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, json.loads(self.rfile.read(size)))
        if self.path.partition("?")[0] != self.owner.base + self.owner.path:
            self._send(404, self.owner.error("not_found_error", "not_found", "No such path."))
            return
        answer = self.owner.take(request)
        self.owner.ending.wait(answer.seconds)
        try:
            self._answer(request, answer)
        except OSError:  # who asked has gone
            self.close_connection = True

    def _answer(self, request: Request, answer: Answer) -> None:
        fault = answer.fault
        if fault in REFUSALS:
            status, kind, code, message = REFUSALS[fault]
            self._send(status, self.owner.error(kind, code, message), answer.retry_after)
        elif fault == Fault.REFUSES:
            self._break_off()
        elif fault == Fault.HANGS:
            self.owner.ending.wait()
            self._break_off()
        elif fault == Fault.GARBAGE:
            self._send(200, PAGE)
        elif fault == Fault.ERROR_AS_ANSWER:
            self._send(200, self.owner.error("api_error", "bad_gateway", "Upstream is away."))
        elif request.is_stream:
            self._stream(request, answer)
        else:
            self._send(200, self.owner.whole(request, answer), is_half=fault == Fault.HALF)

    def _send(
        self,
        status: int,
        content: dict[str, Any] | str,
        retry_after: str | None = None,
        *,
        is_half: bool = False,
    ) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        kind = "text/html" if isinstance(content, str) else "application/json"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None and status in (429, 503):
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_half else body)
        if is_half:
            self._break_off()

    def _stream(self, request: Request, answer: Answer) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = list(self.owner.stream(request, answer))
        if answer.fault in (Fault.HALF, Fault.ERROR_IN_STREAM):
            events = events[: len(events) // 2]
        if answer.fault == Fault.ERROR_IN_STREAM:
            error = self.owner.error("api_error", "server_error", "It broke in the middle.")
            events.append(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
        for event in events:
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
            self.owner.ending.wait(answer.pause_seconds)
        if answer.fault == Fault.HALF:
            self._break_off()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _break_off(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def _last_text(body: dict[str, Any]) -> str:
    content = body["messages"][-1].get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", part.get("content", ""))) for part in content)
    return str(content)


def main() -> None:
    from tests.support.anthropic import AnthropicServer
    from tests.support.openai import OpenAIServer

    port = int(sys.argv[1])
    with OpenAIServer(port) as one, AnthropicServer(port + 1) as other:
        print(one.url, other.url, flush=True)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
