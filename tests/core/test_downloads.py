"""Files that are sent while they are made: some at once, and none to who reads nothing."""

from __future__ import annotations

from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET, socketpair
from threading import BoundedSemaphore

import pytest

from tests.cast import Cast
from tests.core.test_silence import serve, worker
from tests.factories import make_agent
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.http import downloads, server

__all__ = ["worker"]


def test_some_files_are_sent_at_once_and_more_are_told_to_wait(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_free", one := BoundedSemaphore(1))
    make_agent(alice)
    api, browser = cast.api("alice"), cast.browser("alice")
    document = api.post("/documents", {"title": "Tea", "content": "Green tea."}).json["id"]
    for path in ("/audit/export", "/agents/export", f"/documents/{document}/original"):
        with one:
            refused = api.get(path)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
            assert refused.json["code"] == "too_many_downloads"
            assert browser.client.get("/audit/export").status_code == 503
            assert api.get("/audit").status_code == 200
        api.request("HEAD", path).close()
        for _ in range(2):
            assert api.get(path).text.strip()[-1:] in "}].", path


def test_a_file_that_nobody_reads_is_not_sent_for_ever(
    worker: server.Worker, cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(downloads, "_free", BoundedSemaphore(1))
    agent = make_agent(alice, name="n" * 200)
    for _ in range(300):
        audit.record(alice, "update", agent)
    db.session.commit()
    head = f"Host: localhost\r\nX-API-Key: {cast.key('alice')}\r\n\r\n"
    ours, peer = socketpair()
    for end, size in ((ours, SO_SNDBUF), (peer, SO_RCVBUF)):
        end.setsockopt(SOL_SOCKET, size, 4096)
    with ours, peer:
        peer.sendall(f"GET /api/v1/audit/export HTTP/1.1\r\n{head}".encode())
        assert not serve(worker, ours)
        assert peer.recv(100).startswith(b"HTTP/1.1 200 ")
    assert cast.api("alice").get("/audit/export").text.endswith("}\n")  # its place is free again
