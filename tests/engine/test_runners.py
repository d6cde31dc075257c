"""Runners: what they tell, what ends them, what is left of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from flask import Flask, current_app

from tests.engine.conftest import ROOT, eventually
from webapp import engine
from webapp.engine import control, runners
from webapp.engine.channel import MESSAGE_BYTES
from webapp.engine.control import Cancelled, Interrupted, Token
from webapp.engine.runners import Limits, Message, RunnerError
from webapp.engine.sandbox import MEBIBYTE, Failure, Reason

pytestmark = pytest.mark.once

ENOUGH = Limits(seconds=60)
SLEEP = "import time; time.sleep(600)\n"
#: leaves a sleeper that has left its group behind, and tells its number
LEAVE_ONE = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        time.sleep(600)
    os._exit(0)
tell({"left": int(os.read(read, 100))})
"""

Start = Callable[..., Any]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = make_app(tmp_path)
    with app.app_context():
        yield app
    runners.stop(app)


def make_app(folder: Path, **programs: str) -> Flask:
    app = Flask("probe")
    app.config["CALLBOARD"] = SimpleNamespace(data_dir=folder, is_sqlite=False)
    modules = {"script": "tests.engine.script", **programs}
    engine.register(app, programs=[engine.Program(*item) for item in modules.items()])
    return app


def start(code: str, *, limits: Limits = ENOUGH, **order: Any) -> Any:
    return runners.start("script", {"code": code, **order}, limits=limits)


def run(code: str, *, limits: Limits = ENOUGH, **order: Any) -> list[Message]:
    with start(code, limits=limits, **order) as runner:
        return list(runner)


def fail(code: str, *, limits: Limits = ENOUGH, **order: Any) -> Failure:
    with pytest.raises(RunnerError) as raised:
        run(code, limits=limits, **order)
    return raised.value.failure


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def find_fork_server(program: str = "script") -> psutil.Process:
    process = runners._get_server(current_app, program)._process
    assert process is not None
    return psutil.Process(process.pid)


# What is told and asked


def test_a_program_is_given_its_order_and_tells(app: Flask) -> None:
    assert run("tell({'seen': order['given']}); tell({})", given={"ü": [1, None]}) == [
        {"seen": {"ü": [1, None]}},
        {},
    ]


def test_a_question_waits_for_its_own_answer(app: Flask) -> None:
    code = """
import asyncio, threading
def ask(number): tell({"heard": channel.ask({"ask": number})})
threads = [threading.Thread(target=ask, args=(number,)) for number in (1, 2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
async def both():
    return await asyncio.gather(*(channel.ask_async({"ask": n}) for n in (3, 4)))
tell({"both": asyncio.run(both())})
"""
    told, asked = [], []
    with start(code) as runner:
        for message in runner:
            if "ask" not in message:
                told.append(message)
                continue
            asked.append(message)
            if len(asked) == 2:  # the second is answered first
                for question in reversed(asked):
                    runner.answer(question, {"answer": 10 * question["ask"]})
                asked.clear()
    assert sorted(m["heard"]["answer"] for m in told[:2]) == [10, 20]
    assert told[2:] == [{"both": [{"answer": 30}, {"answer": 40}]}]


def test_what_it_used_is_known_after_the_end(app: Flask) -> None:
    with start("x = bytes(1) * (50 << 20); sum(range(3_000_000))") as runner:
        assert list(runner) == []
        assert runner.usage.cpu_seconds > 0
        assert 45 * MEBIBYTE < runner.usage.memory_peak_bytes < 100 * MEBIBYTE


def test_nothing_of_ours_is_inside(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "garnet")
    code = """
import os, sys
tell({"environment": sorted(os.environ), "files": os.listdir(), "folder": os.getcwd(),
      "descriptors": sorted(os.listdir("/proc/self/fd")), "modules": list(sys.modules),
      "groups": os.getgroups(), "temporary": __import__("tempfile").gettempdir()})
open("left", "w").write("x")
"""
    with start(code) as runner:
        (told,) = runner
        folder = Path(told["folder"])
        assert (folder / "left").exists()
    assert told["environment"] == ["HOME", "LC_ALL", "PATH", "TMPDIR"]
    assert (told["files"], told["temporary"]) == ([], str(folder))
    # its input, its output twice, the channel, and the one that lists them
    assert told["descriptors"] == ["0", "1", "2", "3", "4"]
    assert not {"flask", "sqlalchemy", "webapp.core.extensions"} & set(told["modules"])
    assert not folder.exists()


def test_where_memory_is_short_it_ends_before_its_worker(app: Flask) -> None:
    code = "tell({'score': int(open('/proc/self/oom_score_adj').read())})"
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert run(code) == [{"score": 500}] != [{"score": own}]


def test_one_that_cannot_be_started_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    failure = fail("")
    assert failure.reason is Reason.DIED
    assert failure.message.startswith("could not be started: [Errno 2]")


def test_what_is_no_message_is_refused_on_both_sides(app: Flask) -> None:
    with pytest.raises(ValueError, match="at most 4,194,304 bytes"):
        run("", text=MESSAGE_BYTES * "x")
    with pytest.raises(ValueError, match="JSON"):
        run("", number=float("inf"))
    assert fail("tell({'text': order['count'] * 'x'})", count=MESSAGE_BYTES).type == "ValueError"
    raw = "import os; os.write(3, order['line'].encode() + b'\\n'); __import__('time').sleep(600)"
    for line in ("[0, {}", "{}", "[0, 1]", '[0, {"a": 1e999}]', '[0, {"a": "\\ud800"}]'):
        failure = fail(raw, line=line)
        assert (failure.reason, failure.message[:21]) == (Reason.ERROR, "sent what is no messa")
    with start("tell({'ask': 1})") as runner, pytest.raises(RunnerError):
        runner.answer(next(iter(runner)), {})


def test_half_a_character_does_not_end_a_program(app: Flask) -> None:
    assert run("tell({'text': 'cut\\ud83d'})") == [{"text": "cut?"}]


# What fails inside


def test_an_exception_comes_out_as_text(app: Flask) -> None:
    failure = fail("class Odd(Exception): pass\ndef read(): raise Odd('garnet')\nread()")
    assert (failure.reason, failure.type, failure.message) == (Reason.ERROR, "Odd", "garnet")
    assert "in read" in failure.traceback


def test_what_was_told_before_the_end_is_read(app: Flask) -> None:
    told: list[int] = []
    code = "for n in range(1_000): tell({'n': n})\nraise KeyError"
    with start(code) as runner, pytest.raises(RunnerError):
        told.extend(message["n"] for message in runner)
    assert told == list(range(1_000))


def test_a_program_that_ends_badly_without_a_word_has_died(app: Flask) -> None:
    assert fail("import sys; sys.exit(3)").message == "ended with status 3"
    assert run("import sys; sys.exit()") == []
    failure = fail("import os; print('basalt', flush=True); os.kill(os.getpid(), 9)")
    assert (failure.reason, failure.message) == (Reason.DIED, "ended with signal SIGKILL")
    assert failure.traceback == "basalt\n"
    assert run("tell({'still': 1})") == [{"still": 1}]


def test_a_program_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    app = make_app(tmp_path, missing="tests.engine.nothing")
    with app.app_context():
        with pytest.raises(LookupError, match="No program is called other"):
            runners.start("other", {}, limits=ENOUGH).__enter__()
        missing = runners.start("missing", {}, limits=ENOUGH)
        with missing as runner, pytest.raises(RunnerError) as raised:
            list(runner)
        assert raised.value.failure.type == "ModuleNotFoundError"
        assert run("tell({})") == [{}]
    runners.stop(app)


def test_a_program_is_warmed_up_once_for_all_its_runners(tmp_path: Path) -> None:
    app = make_app(tmp_path, warmed="tests.engine.warmed")
    with app.app_context():
        for _ in range(2):
            with runners.start("warmed", {}, limits=ENOUGH) as runner:
                (told,) = runner
            assert told["made"] == [told["parent"]] == [find_fork_server("warmed").pid]
    runners.stop(app)


def test_nothing_is_forked_beside_a_thread(tmp_path: Path) -> None:
    app = make_app(tmp_path, threaded="tests.engine.threaded")
    with app.app_context():
        threaded = runners.start("threaded", {}, limits=ENOUGH)
        with threaded as runner, pytest.raises(RunnerError) as raised:
            list(runner)
        assert raised.value.failure.message == "ended with its parent"
    runners.stop(app)


# Limits


def test_a_program_that_sleeps_is_ended(app: Flask) -> None:
    failure = fail(SLEEP, limits=Limits(seconds=0.3))
    assert (failure.reason, failure.message) == (Reason.TIME, "took longer than 0.3 s")
    assert isinstance(failure.reason, Reason)


def test_a_program_that_computes_for_too_long_is_ended(app: Flask) -> None:
    limits = Limits(seconds=60, cpu_seconds=1)
    assert run("sum(range(1_000_000))", limits=limits) == []
    failure = fail("while True: pass", limits=limits)
    assert (failure.reason, failure.message) == (Reason.TIME, "computed for more than 1 s")
    # each of these less, by the kernel's own count
    shared = "import os, time\nfor _ in range(3): os.fork()\nend = time.process_time() + 0.9\n"
    code = shared + "while time.process_time() < end: pass\n" + SLEEP
    assert fail(code, limits=limits).message == "computed for more than 1 s"


def test_a_program_that_takes_too_much_memory_fails(app: Flask) -> None:
    limits = Limits(seconds=60, memory_bytes=60 * MEBIBYTE)
    code = "x = bytes(1) * (order['count'] << 20)"
    assert run(code, limits=limits, count=40) == []
    failure = fail(code, limits=limits, count=61)
    assert (failure.reason, failure.type) == (Reason.MEMORY, "MemoryError")
    assert failure.message == "took more than 62,914,560 bytes of memory"


def test_memory_is_counted_with_what_it_has_started(app: Flask) -> None:
    limits = Limits(seconds=60, memory_bytes=100 * MEBIBYTE)
    failure = fail(f"import os\nos.fork()\nx = bytes(1) * (60 << 20)\n{SLEEP}", limits=limits)
    assert (failure.reason, failure.type) == (Reason.MEMORY, "")
    assert failure.message == "took more than 104,857,600 bytes of memory"


def test_messages_are_counted_together(app: Flask) -> None:
    limits = Limits(seconds=60, output_bytes=1_000)
    code = "for _ in range(order['count']): tell({'text': 80 * 'x'})"
    assert len(run(code, limits=limits, count=9)) == 9
    failure = fail(code + "\n" + SLEEP, limits=limits, count=11)
    assert (failure.reason, failure.message) == (Reason.OUTPUT, "sent more than 1,000 bytes")


def test_one_message_is_bounded(app: Flask) -> None:
    code = f"import os\nwhile True: os.write(3, 65_536 * b'x')\n{SLEEP}"
    assert fail(code).message == "sent more than 4,194,304 bytes at once"


def test_a_file_that_is_too_long_cannot_be_written(app: Flask) -> None:
    limits = Limits(seconds=60, output_bytes=1_000)
    code = "with open('f', 'w') as file: file.write(order['count'] * 'x')"
    assert run(code, limits=limits, count=1_000) == []
    assert fail(code, limits=limits, count=1_002).type == "OSError"


def test_too_many_files_cannot_be_open(app: Flask) -> None:
    limits = Limits(seconds=60, file_count=32)
    code = "kept = [open('/dev/null') for _ in range(order['count'])]"
    assert run(code, limits=limits, count=20) == []
    assert fail(code, limits=limits, count=40).type == "OSError"


def test_too_many_processes_end_it(app: Flask) -> None:
    limits = Limits(seconds=60, process_count=4)
    code = """
import os, time
for _ in range(order["count"]):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
time.sleep(order["seconds"])
"""
    assert run(code, limits=limits, count=3, seconds=1) == []
    failure = fail(code, limits=limits, count=4, seconds=600)
    assert failure == Failure(Reason.PROCESSES, "had 5 processes, more than 4")


# What ends it from outside


@pytest.mark.parametrize("tell", [Token.cancel, Token.interrupt])
def test_a_job_that_is_told_to_stop_ends_its_runner(
    app: Flask, tell: Callable[[Token], None]
) -> None:
    token = Token("1")
    expected = Cancelled if tell is Token.cancel else Interrupted
    code = "import os; tell({'pid': os.getpid()})\n" + SLEEP
    with control.running(token):
        with start(code) as runner:
            messages = iter(runner)
            pid = next(messages)["pid"]
            threading.Timer(0.2, tell, [token]).start()
            with pytest.raises(expected):
                next(messages)
        assert is_gone(pid)
        with pytest.raises(expected):
            run("tell({})")


def test_a_job_is_told_to_stop_while_it_answers(app: Flask) -> None:
    """Nothing inside reads, so that an answer does not go away."""
    token = Token("1")
    code = "import os; os.write(3, b'[1, {}]\\n')\n" + SLEEP
    with control.running(token), start(code) as runner:
        messages = iter(runner)
        question = next(messages)
        threading.Timer(0.2, token.cancel).start()
        runner.answer(question, {"text": (MESSAGE_BYTES - 100) * "x"})
        with pytest.raises(Cancelled):
            next(messages)


def test_a_job_can_be_stopped_before_its_runner_has_begun(app: Flask) -> None:
    token = Token("1")
    with control.running(token), start("tell({})") as runner:
        token.cancel()
        with pytest.raises(Cancelled):
            list(runner)


def test_leaving_the_block_ends_it(app: Flask) -> None:
    with start("import os; tell({'pid': os.getpid()})\n" + SLEEP) as runner:
        pid = next(iter(runner))["pid"]
        assert not is_gone(pid)
    assert is_gone(pid)


@pytest.mark.parametrize("then", ["", SLEEP, "raise KeyError", "os.kill(os.getpid(), 9)"])
def test_what_it_has_started_ends_with_it(app: Flask, then: str) -> None:
    with start(f"{LEAVE_ONE}\n{then}") as runner:
        messages = iter(runner)
        left = next(messages)["left"]
        if then != SLEEP:
            with suppress(RunnerError):
                list(messages)
    eventually(lambda: is_gone(left))


def test_a_fork_server_that_dies_is_replaced(app: Flask) -> None:
    with start("import os; tell({'pid': os.getpid()})\n" + SLEEP) as runner:
        messages = iter(runner)
        pid = next(messages)["pid"]
        find_fork_server().send_signal(signal.SIGKILL)
        with pytest.raises(RunnerError) as raised:
            next(messages)
    assert raised.value.failure == Failure(Reason.DIED, "ended with its parent")
    eventually(lambda: is_gone(pid))
    assert run("tell({})") == [{}]


def test_nothing_outlives_a_fork_server_that_is_killed(app: Flask) -> None:
    started = "import subprocess\nsleeper = subprocess.Popen(['/bin/sleep', '600'], "
    started += "start_new_session=True)\ntell({'left': sleeper.pid})\n"
    with start(LEAVE_ONE + started + SLEEP) as runner:
        messages = iter(runner)
        left = [next(messages)["left"], next(messages)["left"]]
        find_fork_server().send_signal(signal.SIGKILL)
        with pytest.raises(RunnerError):
            next(messages)
    eventually(lambda: all(is_gone(pid) for pid in left))


def test_no_folder_is_left(app: Flask) -> None:
    folders = [Path(run("import os; tell({'in': os.getcwd()})")[0]["in"])]
    runners._get_server(app, "script").kill()
    folders += [Path(run("import os; tell({'in': os.getcwd()})")[0]["in"])]
    runners.stop(app)
    assert not any(folder.parent.exists() for folder in folders)


def test_a_fork_server_that_nobody_wants_ends(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "IDLE_SECONDS", 0.01)
    for _ in range(3):
        assert run("tell({})") == [{}]
        server = runners._get_server(app, "script")
        assert server._process is not None
        assert server._process.wait() == 0
        assert not Path(server._folder).exists()
    with start("import time; time.sleep(1); tell({})") as runner:
        assert list(runner) == [{}]


def test_many_run_at_once_from_many_threads(app: Flask) -> None:
    found: list[Any] = []

    def work(number: int) -> None:
        with app.app_context():
            found.append(run("tell({'n': order['n']})", n=number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(message["n"] for (message,) in found) == list(range(20))
    eventually(lambda: not find_fork_server().children())


def test_all_of_it_dies_with_the_worker(tmp_path: Path) -> None:
    note = tmp_path / "note"
    starter = f"""
from pathlib import Path
from tests.engine.test_runners import LEAVE_ONE, SLEEP, find_fork_server, make_app, start
app = make_app(Path({str(tmp_path)!r}))
with app.app_context(), start("import os; tell({{'pid': os.getpid()}})" + LEAVE_ONE + SLEEP) as r:
    messages = iter(r)
    pids = [next(messages)["pid"], next(messages)["left"], find_fork_server().pid]
    Path({str(note)!r}).write_text(" ".join(map(str, pids)) + ".")
    list(messages)
"""
    worker = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT)
    try:
        eventually(lambda: note.exists() and note.read_text().endswith("."))
        pids = [int(word) for word in note.read_text()[:-1].split()]
        assert not any(is_gone(pid) for pid in pids)
    finally:
        worker.kill()
        worker.wait()
    eventually(lambda: all(is_gone(pid) for pid in pids))
