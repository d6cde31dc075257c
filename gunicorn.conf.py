"""How gunicorn serves Callboard. Settings come from the environment; the README lists them."""

import ctypes
import os
import signal
import sys

from gunicorn.arbiter import Arbiter

from webapp import startup
from webapp.config import BadSettings, Settings

PR_SET_PDEATHSIG = 1

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
    """Let a web process die with its master, so that the port is free for the next one.

    And let its threads take turns faster than Python's 5 ms: a search computes for long, and a
    short request beside it waits for a turn at every query of its own.
    """
    sys.setswitchinterval(0.0003)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server.pid:  # It died in the meantime.
            os._exit(1)


def post_worker_init(worker):
    """Serve no database that is older than the code; on the first start, say where it begins.

    And let few requests wait to write, so that others are answered, and streams that have ended
    give their connection back.
    """
    from webapp.core import writers
    from webapp.core.extensions import db
    from webapp.core.live import handover

    with worker.wsgi.app_context():
        writers.limit(db.engine, waiting=settings.waiting_writers, seconds=settings.write_wait)
    try:
        is_there = startup.wait_for_database(worker.wsgi, worker.notify)
    except BadSettings as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
    if is_there and worker.age == 1:
        startup.show_setup_link(worker.wsgi)
    handover.serve_from(worker)
