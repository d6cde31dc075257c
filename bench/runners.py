"""What a runner costs: its start, its end, its memory, many at once.

python -m bench.runners
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from flask import Flask

from bench.retrieval import show
from bench.running import processor_time
from webapp import engine
from webapp.engine import control, runners
from webapp.engine.control import Cancelled, Token
from webapp.engine.runners import Limits

STARTS = 200
MANY = 64
ENOUGH = Limits(seconds=120)
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "probe",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "A rock."},
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
}


def main() -> None:
    app = Flask("bench")
    program = engine.Program("probe", "bench.runner_program")
    engine.register(app, programs=[program])
    with tempfile.TemporaryDirectory() as folder, app.app_context():
        app.config["CALLBOARD"] = SimpleNamespace(data_dir=Path(folder), is_sqlite=False)
        try:
            show(
                "Runners: the first, with the imports of its parent (ms)", seconds_to_start() * 1000
            )
            measure_starts(app)
            measure_ends()
            with model() as base_url:
                measure_memory(app, base_url)
        finally:
            runners.stop(app)


def measure_starts(app: Flask) -> None:
    parent = find_parent(app)
    before, own = processor_time([parent]), time.process_time()
    used, late = 0.0, []
    for _ in range(STARTS):
        begun_at = time.perf_counter()
        with runners.start("probe", {}, limits=ENOUGH) as runner:
            for _message in runner:
                late.append(time.perf_counter() - begun_at)
        assert runner.usage is not None
        used += runner.usage.cpu_seconds * 1000
    cost = used + processor_time([parent]) - before + 1000 * (time.process_time() - own)
    show(
        "Runners: from its start to its first message, p50 (ms)",
        1000 * float(np.percentile(late, 50)),
    )
    show(
        "Runners: from its start to its first message, p95 (ms)",
        1000 * float(np.percentile(late, 95)),
        "goal 20",
    )
    show("Runners: processor time of a start and an end (ms)", cost / STARTS)

    def start(_number: int) -> None:
        with app.app_context():
            seconds_to_start()

    begun_at = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(STARTS)))
    show("Runners: starts a second, 8 threads", STARTS / (time.perf_counter() - begun_at))


def measure_ends() -> None:
    late = []
    for _ in range(STARTS // 4):
        token = Token("1")
        with control.running(token):
            begun_at = end_cancelled(token)
        late.append(time.perf_counter() - begun_at)
    show(
        "Runners: from a cancellation to its end, p95 (ms)",
        1000 * float(np.percentile(late, 95)),
        "goal 300",
    )


def end_cancelled(token: Token) -> float:
    order = {"base_url": "http://127.0.0.1:9"}
    told_at = 0.0

    def tell() -> None:
        nonlocal told_at
        told_at = time.perf_counter()
        token.cancel()

    try:
        with runners.start("probe", order, limits=ENOUGH) as runner:
            for _message in runner:
                threading.Timer(0.01, tell).start()
    except Cancelled:
        return told_at
    raise AssertionError("It was not cancelled.")


def measure_memory(app: Flask, base_url: str) -> None:
    """Of runners that have called their model, and of their parent."""
    parent = find_parent(app)
    ready, go_on = threading.Semaphore(0), threading.Event()
    errors: list[BaseException] = []

    def hold(_number: int) -> None:
        try:
            with (
                app.app_context(),
                runners.start("probe", {"base_url": base_url}, limits=ENOUGH) as r,
            ):
                for message in r:
                    if "ask" in message:
                        ready.release()
                        go_on.wait(120)
                        r.answer(message, {})
        except BaseException as error:
            errors.append(error)
            ready.release()

    begun_at = time.perf_counter()
    threads = [threading.Thread(target=hold, args=(number,)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    assert not errors, errors[0]
    show(
        f"Runners: {MANY} at once have called their model after (s)", time.perf_counter() - begun_at
    )
    pids = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    assert len(pids) == MANY
    before = processor_time([parent])
    time.sleep(5)
    show(
        f"Runners: watching {MANY} that wait (% of a core)",
        (processor_time([parent]) - before) / 50,
    )
    memory = [read_memory(pid) for pid in pids]
    own = [sizes["Private_Dirty"] + sizes["Private_Clean"] for sizes in memory]
    show("Runners: own memory of one, p95 (MB)", float(np.percentile(own, 95)), "goal 25")
    parents = read_memory(parent)["Pss"]
    show(
        f"Runners: {MANY} at once and their parent (PSS, MB)",
        sum(sizes["Pss"] for sizes in memory) + parents,
        "goal 2,048",
    )
    go_on.set()
    for thread in threads:
        thread.join()
    time.sleep(0.5)
    show("Runners: their parent alone (PSS, MB)", read_memory(parent)["Pss"])


def seconds_to_start() -> float:
    begun_at = time.perf_counter()
    with runners.start("probe", {}, limits=ENOUGH) as runner:
        list(runner)
    return time.perf_counter() - begun_at


def find_parent(app: Flask) -> int:
    process = runners._get_server(app, "probe")._process
    assert process is not None
    return process.pid


def read_memory(pid: int) -> dict[str, float]:
    """What the kernel says of a process, in MB."""
    lines = (
        line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in lines}


@contextmanager
def model() -> Iterator[str]:
    """A model that answers at once; the address of its API."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            content = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 2 * MANY

    with Server(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


if __name__ == "__main__":
    main()
