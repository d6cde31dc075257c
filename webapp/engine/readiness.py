"""How a process tells the one that started it that it is ready: systemd's `sd_notify`.

`make run` listens as systemd does, so a worker may be a unit of `Type=notify` as well.
"""

from __future__ import annotations

import os
import socket


def notify() -> None:
    """Say "ready" to whoever waits for it, once; nothing happens where nobody does."""
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # An address that begins with @ is in Linux's abstract name space.
        sender.sendto(b"READY=1", address.replace("@", "\0", 1) if address[0] == "@" else address)
