"""What the README tells people to type does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.browser import words_of
from tests.cast import Cast
from tests.database import new_database
from tests.factories import make_agent
from tests.server import ROOT, Installation
from webapp.core.actor import Actor
from webapp.documents.uploads.kinds import ENDINGS

GETTING_STARTED = (ROOT / "docs/getting-started.md").read_text()
#: `make run` without installing what is installed
MAKE = f"make() {{ exec {shlex.quote(sys.executable)} -P webapp/engine/supervisor.py; }}"

#: curl that keeps what it was answered, in the order of the answers
CURL = 'curl() { command curl "$@" | tee -a answers; }'


def script() -> str:
    """The commands under "The same journey as a script"."""
    text = (ROOT / "README.md").read_text()
    return text.split("## The same journey as a script", 1)[1].split("```sh\n")[1].split("```")[0]


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Installation:
    return Installation(tmp_path, new_database(database_url), with_admin=False)


def test_the_journey_as_a_script(place: Installation, tmp_path: Path) -> None:
    # In a folder of its own, because the script writes there.
    for name in ("docs", "webapp", "templates", "static", "migrations", "gunicorn.conf.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "wsgi.py").symlink_to(ROOT / "wsgi.py")
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f"{MAKE}\n{CURL}\n{script()}\nkill %1; wait %1"],
        cwd=tmp_path, env=place.environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    assert process.returncode == 0, output
    said = list(json_in(output))
    (answer,) = [item for item in said if "results" in item]
    assert answer["results"][0]["metadata"]["title"] == "Tea"
    # The file is found because the script has waited for the task that reads it, not by luck.
    answers = json_in((tmp_path / "answers").read_text())
    before = takewhile(lambda item: "results" not in item, answers)
    assert "completed" in [item.get("status") for item in before]
    (best,) = [item for item in said if item.get("index") == 0]
    assert best["metadata"]["heading_path"] == ["Hand-off"]
    *_, answered, execution = said
    assert answered["status"] == execution["status"] == "completed"
    assert "80 degrees" in execution["output"]["text"]


def test_each_command_of_the_tour_does_what_it_says(cast: Cast) -> None:
    api, written = cast.api("alice"), {}
    text = (ROOT / "docs/api.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"^curl (?:.|\n)*?(?=^curl|^```)", text, re.M)
    assert len(commands) > 10
    for command in commands:
        words = shlex.split(command)
        options = {"-X": "", "-d": None, ">": ""}
        for name in options:
            if name in words:
                options[name] = words[words.index(name) + 1]
        path = next(word for word in words if word.startswith("$URL")).removeprefix("$URL/api/v1")
        headers = dict(
            words[at + 1].split(": ") for at, word in enumerate(words[:-1]) if word == "-H"
        )
        headers.pop("X-API-Key")
        body = options["-d"]
        answer = api.request(
            options["-X"] or ("GET" if body is None else "POST"), path, headers=headers,
            data=written[body[1:]] if body and body[0] == "@" else body,
        )  # fmt: skip
        assert answer.status_code < 300, (command, answer.json)
        written[options[">"]] = answer.text
    listed = api.get("/documents?q=tea").json
    about = {tuple(node["path"]) for node in api.get(f"/documents/{listed[0]['id']}").json["nodes"]}
    assert ("Drinks", "Tea") in about


def test_getting_started_names_every_kind_of_file_that_is_read() -> None:
    first = {kind: ending for ending, kind in reversed(ENDINGS.items())}
    assert not [ending for ending in first.values() if f"`{ending}`" not in GETTING_STARTED]


def test_getting_started_names_what_pages_call_so(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    browser = cast.browser("alice")
    paths = ("/", "/agents", "/documents", "/agents/helper")
    said = " ".join(words_of(browser.get(path).css_first("body")) for path in paths)
    names = re.findall(r"(?<!\*)\*([A-Z][\w ]+)\*(?!\*)", GETTING_STARTED)
    assert {"Add documents", "New agent", "Releases"} <= set(names)
    assert not [name for name in names if name not in said]


def test_every_command_of_make_that_a_page_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        text = path.read_text()
        named = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)$", text, re.M)
        for name in named:
            assert re.search(rf"^[\w -]*\b{name}\b[\w -]*:", makefile, re.M), (path.name, name)


def json_in(text: str) -> Iterator[dict[str, Any]]:
    """All JSON objects of a text, one after the other, events of a stream among them."""
    decoder = json.JSONDecoder()
    while (start := text.find("{")) >= 0:
        found, end = decoder.raw_decode(text, start)
        yield found
        text = text[end:]
