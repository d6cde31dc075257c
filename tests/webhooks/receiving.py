"""Somebody else's address, and what workers do with the messages to it."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import func, select

from tests.cast import Api
from webapp import engine
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import jobs
from webapp.webhooks import changes
from webapp.webhooks.models import Delivery

HOOK = "https://example.com/hook"

#: the seconds between attempts, which no test waits for
waited: list[float] = []


class Receiver:
    """Somebody else's address: keeps what it is told and answers as it is told to."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.messages: list[tuple[Any, bytes]] = []
        self.never_ends = self.drips = False
        self.end = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append((self.headers, body))
                if receiver.drips:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                    with suppress(OSError):  # the sender has closed the connection
                        while not receiver.end.wait(0.05):
                            self.wfile.write(b"X-Drop: one more\r\n")
                    return
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "1000" if receiver.never_ends else "0")
                self.end_headers()
                if receiver.never_ends:
                    receiver.end.wait(60)

            def log_message(self, *_args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.end.set()
        self.server.shutdown()
        self.server.server_close()


def send(actor: Actor, url: str, **payload: Any) -> Delivery:
    delivery = changes.send(actor.organization_id, url, payload or {"event": "test"})
    db.session.commit()
    return delivery


def run(delivery: Delivery) -> Delivery:
    """What workers do with a message, to its end."""
    while (pause := run_once(delivery)) is not None:
        last = delivery.attempt_log[-1].ended_at
        assert None not in (last, delivery.next_attempt_at)
        assert delivery.next_attempt_at - last == timedelta(seconds=pause)
        waited.append(pause)
    return delivery


def run_once(delivery: Delivery) -> float | None:
    """What a worker does with a message; the seconds after which another one is to go on."""
    pause = None
    try:
        jobs.find("webhook")(delivery.job_key)
    except engine.RetryLater as later:
        pause = later.seconds
    db.session.refresh(delivery)
    return pause


def make(api: Api, url: str = HOOK, **fields: Any) -> dict[str, Any]:
    response = api.post("/webhooks", {"url": url, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json)


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(select(Delivery).order_by(Delivery.created_at)))


def count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def last_action(actor: Actor) -> str:
    return audit.latest(actor.organization_id)[0].action
