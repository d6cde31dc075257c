"""How gunicorn serves Callboard. Settings come from the environment; the README lists them."""

import ctypes
import os
import signal
import sys

from webapp.config import BadSettings, Settings

try:
    settings = Settings.from_environment()
except BadSettings as error:
    sys.exit(str(error))

bind = f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
worker_class = "webapp.core.server.Worker"  # gthread, with refusals as problems
threads = 16
worker_connections = 20000
keepalive = 15
timeout = 60
graceful_timeout = 10
accesslog = None
loglevel = "warning"
# Which forwarded headers are believed is CALLBOARD_PROXIES' business alone.
forwarded_allow_ips = ""
# Nothing of ours speaks to it, and a second instance of one user would fight over its path.
control_socket_disable = True
# A heartbeat file on a slow disk would stall the workers.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108


def post_fork(server, worker):
    """Let a web process end with its master, so that the port is free for the next one.

    And let its threads take turns faster than Python's 5 ms: a search computes for long, and a
    short request beside it waits for a turn at every query of its own.
    """
    sys.setswitchinterval(0.0003)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def post_worker_init(worker):
    """Let streams that have ended give their connection back."""
    from webapp.core.live import handover

    handover.serve_from(worker)
