"""A PgBouncer of our own in front of the tests' PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.server import eventually, free_port

CONFIGURATION = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
{more}
"""


@contextmanager
def pgbouncer(
    url: str, folder: Path, *, mode: str, size: int = 90, more: str = ""
) -> Iterator[str]:
    """The address of the database of `url` through a pooler: `session` or `transaction`.

    `more` are further lines of its configuration.
    """
    parts = urlsplit(url)
    port = free_port()
    host = Path(parse_qs(parts.query)["host"][0])
    text = CONFIGURATION.format(host=host, port=port, mode=mode, size=size, more=more)
    if os.getuid() == 0:  # It refuses to run as root; the server's own user reaches the server.
        text += f"user = {host.owner()}\n"
    file = folder / "pgbouncer.ini"
    file.write_text(text)
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, str(file)], stdout=log, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: is_listening(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
