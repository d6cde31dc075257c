"""How gunicorn serves Callboard. Settings come from the environment; the README lists them."""

import ctypes
import gc
import json
import os
import signal
import sys
import traceback

from gunicorn.arbiter import Arbiter

PR_SET_PDEATHSIG = 1


def read_settings():
    """`(host, port, web_concurrency)`, read in a child: what checks them, 11 MB, ends with it."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            from webapp.config import BadSettings, Settings

            settings = Settings.from_environment()
            found = json.dumps([settings.host, settings.port, settings.web_concurrency])
            os.write(theirs, found.encode())
            code = 0
        except BadSettings as error:
            print(error, file=sys.stderr, flush=True)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return json.loads(found) if found else sys.exit(1)


host, port, workers = read_settings()
bind = f"{host}:{port}"
worker_class = "webapp.core.http.server.Worker"  # gthread, with refusals as problems
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
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - a folder, no file


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
    from webapp import startup
    from webapp.config import BadSettings
    from webapp.core.database import writers
    from webapp.core.extensions import db
    from webapp.core.live import handover

    settings = worker.wsgi.config["CALLBOARD"]
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
    # What is there by now stays: no collection has to look through it again.
    gc.collect()
    gc.freeze()
    # A page of hundreds of rows makes thousands of objects, so that Python's 700 had it search for
    # circles dozens of times, and every twelfth such page wait 45 ms for a look at all there is.
    gc.set_threshold(10_000, 10, 50)
