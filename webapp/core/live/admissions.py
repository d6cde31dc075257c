"""Who is connected, and that nobody stays whose session or key is no longer good."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import replace
from typing import cast

import structlog
from flask import Flask

from webapp.core.actor import Actor, Permission
from webapp.core.feature import contribution
from webapp.core.live.connections import Peer, loop
from webapp.core.security import Identity, Rights

log = structlog.get_logger(__name__)

#: how long after its session or key a connection may live
CHECK_SECONDS = 3.0


class Admissions:
    """The actors behind the lasting connections of this process, with the permission each needs."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        #: with the digits of the session's or the key's id: thousands are asked for at once
        self._admitted: dict[Peer, tuple[Actor, Permission, str]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._admitted)

    def admit(self, peer: Peer, actor: Actor, needed: Permission) -> None:
        """Watch over a connection until `leave`; call it before the loop has the connection."""
        credential = actor.credential_id.hex if actor.credential_id else ""
        with self._lock:
            self._admitted[peer] = (actor, needed, credential)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="admissions")
                self._thread.start()

    def leave(self, peer: Peer) -> None:
        with self._lock:
            self._admitted.pop(peer, None)

    def renew(self, peers: Collection[Peer]) -> dict[Peer, Actor]:
        """The actors of these connections with the rights of this moment.

        Whoever may no longer be connected is missing, and told why. Asks once for all of them.
        """
        with self._lock:
            known = {peer: self._admitted[peer] for peer in peers if peer in self._admitted}
        rights = contribution(Identity, self._app).rights_of_many(
            {credential for _, _, credential in known.values()}
        )
        present = {}
        for peer, (actor, needed, credential) in known.items():
            now = rights.get(credential)
            if now is not None and now.organization_id == actor.organization_id:
                renewed = actor if now.role == actor.role else replace(actor, role=now.role)
                if renewed.may(needed):
                    present[peer] = renewed
                    continue
            loop.call(peer.dismiss, _reason(actor, now))
        return present

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            with self._lock:
                peers = list(self._admitted)
            if not peers:
                continue
            try:
                with self._app.app_context():
                    self.renew(peers)
            except Exception:
                log.exception("reauthorizing_failed")


def admissions_of(app: Flask) -> Admissions:
    """The application's admissions."""
    return cast("Admissions", app.extensions["callboard-admissions"])


def _reason(before: Actor, now: Rights | None) -> str:
    if now is not None and now.organization_id != before.organization_id:
        return "You are in another organization now."
    if now is not None:
        return f"Your role is {now.role} now, which may not follow this."
    return "The API key is no longer valid." if before.api_key_id else "The session has ended."
