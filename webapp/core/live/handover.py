"""Connections that leave gunicorn's threads, and those that come back.

gunicorn's threads are few, and a socket lasts for hours. So a request may take the connection
out of its thread, which then goes on to the next request; and a stream that has ended gives it
back, because it said `keep-alive`. gunicorn offers neither, so that this file leans on how its
gthread worker works inside; `tests/core/test_handover.py` fails when that changes.
"""

from __future__ import annotations

import os
import selectors
import ssl
from collections.abc import Callable
from functools import partial
from socket import socket as Socket
from socket import socketpair
from typing import TYPE_CHECKING, Any

from flask import Response, request

from webapp.core.errors import Unavailable

if TYPE_CHECKING:
    from gunicorn.workers.gthread import ThreadWorker

#: where the servers that we know keep a request's connection: gunicorn, and `flask run`
_NAMES = ("gunicorn.socket", "werkzeug.socket")

_worker: ThreadWorker | None = None


def serve_from(worker: ThreadWorker) -> None:
    """Remember the gunicorn worker of this process, which ended streams are given back to."""
    global _worker
    _worker = worker


def can_hand_over(environ: dict[str, Any]) -> bool:
    """Whether a stream can leave its thread; where not, the response itself is the stream."""
    sock = environ.get("gunicorn.socket")
    return sock is not None and not isinstance(sock, ssl.SSLSocket)


def can_give_back() -> bool:
    """Whether the server takes a connection back, so that `keep-alive` is no lie."""
    return _worker is not None and bool(_worker.alive)


def require_plain_socket() -> None:
    """Raise Unavailable where this request's connection cannot become a socket of ours."""
    sockets = [request.environ[name] for name in _NAMES if name in request.environ]
    if not sockets:
        raise Unavailable("This server cannot open sockets; start Callboard with gunicorn.")
    if isinstance(sockets[0], ssl.SSLSocket):
        raise Unavailable(
            "Sockets do not work where gunicorn itself speaks TLS.",
            code="tls_on_socket",
            suggestions=["Let a proxy in front speak TLS, and gunicorn plain HTTP behind it."],
        )


class HandedOver(Response):
    """A response that `take(connection, response)` writes, once all after-request work is done.

    gunicorn's gthread worker understands StopIteration as "the application has taken the
    connection": it writes nothing, and closes what it holds.
    """

    def __init__(self, take: Callable[[Socket, Response], None], **options: Any) -> None:
        super().__init__(**options)
        self.take = take

    def __call__(self, environ: Any, start_response: Any) -> Any:
        sock = next(environ[name] for name in _NAMES if name in environ)
        self.take(detach(sock), self)
        if "gunicorn.socket" in environ:
            raise StopIteration
        # What this writes goes to a socket that is no longer the server's.
        return super().__call__(environ, start_response)


def detach(sock: Socket) -> Socket:
    """The connection under a descriptor of its own.

    gunicorn shuts its socket down after the request, which would end a mere duplicate as well.
    So the descriptor it holds is pointed at a dead socket before it does.
    """
    kept = sock.dup()
    dead, peer = socketpair()
    os.dup2(dead.fileno(), sock.fileno())
    dead.close()
    peer.close()
    return kept


def give_back(sock: Socket) -> None:
    """Let gunicorn wait for the next request of a connection, or close it where it stops."""
    if _worker is None or not _worker.alive:
        sock.close()
        return
    _worker.method_queue.defer(_adopt, _worker, sock)


def _adopt(worker: ThreadWorker, sock: Socket) -> None:
    """Count and watch a connection as the worker does with one that it keeps; in its thread."""
    from gunicorn.workers.gthread import TConn

    try:
        connection = TConn(worker.cfg, sock, sock.getpeername(), sock.getsockname())
    except OSError:
        sock.close()  # the peer has left meanwhile
        return
    connection.set_timeout()
    worker.nr_conns += 1
    worker.keepalived_conns.append(connection)
    worker.poller.register(
        sock, selectors.EVENT_READ, partial(worker.on_client_socket_readable, connection)
    )
