"""Callboard behind the proxies of docs/proxies, at a host of its own and below a path."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from simple_websocket import ConnectionClosed, ConnectionError

from tests.database import new_database
from tests.poolers import is_listening
from tests.server import EMAIL, KEY, PASSWORD, ROOT, Installation, Socket, eventually, free_port

RECIPES = ROOT / "docs" / "proxies"
PATH = f"{os.environ['PATH']}:/usr/sbin"
EVIL = "evil.example"


class Site(NamedTuple):
    """Callboard as people reach it through a proxy."""

    origin: str
    prefix: str

    @property
    def url(self) -> str:
        return self.origin + self.prefix


@pytest.fixture(scope="module", params=["", "/callboard"], ids=["own host", "below a path"])
def behind(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, Site]]:
    """An installation behind a proxy that is not started yet.

    It is told where people reach it, but for a parameter of None.
    """
    site = Site(f"http://127.0.0.1:{free_port()}", request.param or "")
    running = Installation(tmp_path_factory.mktemp("proxied"), new_database(database_url))
    running.environment["CALLBOARD_PROXIES"] = "1"
    if request.param is not None:
        running.environment["CALLBOARD_URL"] = site.url
    running.start()
    body = {"name": "Helper", "instructions": "Help."}
    running.request("POST", "/agents", body)
    running.request("POST", "/documents", {"title": "Tea", "content": "Green tea."})
    yield running, site
    running.stop()


def nginx(recipe: str, folder: Path) -> list[str]:
    # As root it would give its folders to a user who cannot reach them.
    user = "user root;" if os.getuid() == 0 else ""
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{recipe}\n}}"
    )
    return ["nginx", "-c", str(file), "-p", str(folder)]


def caddy(recipe: str, folder: Path) -> list[str]:
    file = folder / "Caddyfile"
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True)
    if version.stdout.removeprefix("v").startswith("2.6.2"):  # as the recipe says
        assert recipe.count("request_buffers 50MB") == 1
        recipe = recipe.replace("request_buffers 50MB", "buffer_requests")
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + recipe)
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


def haproxy(recipe: str, folder: Path) -> list[str]:
    file = folder / "haproxy.cfg"
    file.write_text(recipe)
    return ["haproxy", "-db", "-f", str(file)]


#: how it is started · its recipe · where the recipe listens · what serves all paths there
Proxy = tuple[Callable[[str, Path], list[str]], str, str, str]
PROXIES: dict[str, Proxy] = {
    "nginx": (nginx, "nginx.conf", "listen 80", "location /"),
    "caddy": (caddy, "Caddyfile", "callboard.example", "handle /"),
    "haproxy": (haproxy, "haproxy.cfg", "bind :80", "path_beg /"),
}


@pytest.fixture(params=PROXIES)
def site(
    request: pytest.FixtureRequest, behind: tuple[Installation, Site], tmp_path: Path
) -> Iterator[Site]:
    """The installation through a proxy that runs by its recipe."""
    if not shutil.which(request.param, path=PATH):
        pytest.skip(f"{request.param} is not installed (Debian: apt-get install {request.param})")
    start, name, listens, everything = PROXIES[request.param]
    running, site = behind
    port = site.origin.rpartition(":")[2]
    at = {"nginx": f"listen 127.0.0.1:{port}", "caddy": site.origin}.get(
        request.param, f"bind 127.0.0.1:{port}"
    )
    recipe = (RECIPES / name).read_text()
    assert recipe.count("127.0.0.1:8000") == recipe.count(f"{everything}") == 1
    recipe = recipe.replace("127.0.0.1:8000", f"127.0.0.1:{running.port}").replace(listens, at)
    # What operations.md says about a path.
    recipe = recipe.replace(everything, f"{everything}{site.prefix.removeprefix('/')}")
    environment = os.environ | {"PATH": PATH, "HOME": str(tmp_path)}
    with (tmp_path / "output.log").open("wb") as log:
        process = subprocess.Popen(
            start(recipe, tmp_path), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        eventually(lambda: is_listening(int(port)) or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "output.log").read_text()
        yield site
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def browser(site: Site) -> Iterator[httpx.Client]:
    """A browser in which Alice has signed in."""
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        page = client.get(f"{site.url}/")
        token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
        form = {
            "email": EMAIL,
            "password": PASSWORD,
            "csrf_token": token,
            "next": site.prefix + "/",
        }
        signed_in = client.post(f"{site.url}/sign-in", data=form)
        assert re.search(r"<title[^>]*>\s*Overview", signed_in.text)
        yield client


def test_pages_lead_to_pages_and_to_their_files(site: Site, browser: httpx.Client) -> None:
    asked = httpx.get(f"{site.url}/agents?status=draft")
    assert asked.status_code == 303
    assert asked.headers["Location"].startswith(f"{site.prefix}/sign-in?next=")
    page = browser.get(f"{site.url}/agents").text
    links = {part.split('"')[0] for part in page.split('href="')[1:] + page.split('src="')[1:]}
    ours = [link for link in links if link.startswith("/")]
    assert len(ours) > 10
    assert [link for link in ours if not link.startswith(f"{site.prefix}/")] == []
    for link in ours:
        assert browser.get(site.origin + link).status_code == 200, link
    assert {cookie.path for cookie in browser.cookies.jar} == {site.prefix or "/"}


def follow(site: Site, browser: httpx.Client, **headers: str) -> Socket:
    """The socket of the overview, as the browser's page opens it."""
    page = browser.get(f"{site.url}/").text
    path = page.split('hx-ws:connect="')[1].split('"')[0].replace("&amp;", "&")
    cookie = "; ".join(f"{item.name}={item.value}" for item in browser.cookies.jar)
    address = f"{site.origin.replace('http', 'ws')}{path}"
    return Socket(address, headers={"Cookie": cookie, "Origin": site.origin} | headers)


def test_a_page_follows_what_happens(site: Site, browser: httpx.Client) -> None:
    socket = follow(site, browser)
    links = re.findall('href="(.*?)"', str(socket.receive(timeout=60)))
    assert links
    assert [link for link in links if not link.startswith(f"{site.prefix}/")] == []
    socket.close()
    # What a foreign page's request says about its host changes nothing.
    foreign = {"Origin": f"http://{EVIL}", "X-Forwarded-Host": EVIL}
    with pytest.raises((ConnectionError, ConnectionClosed)):
        follow(site, browser, **foreign)


@pytest.mark.parametrize("behind", [None], ids=["not told where"], indirect=True)
def test_the_host_arrives_as_the_browser_names_it(site: Site, browser: httpx.Client) -> None:
    socket = follow(site, browser)
    assert "href" in str(socket.receive(timeout=60))
    socket.close()


def test_a_question_is_answered_over_a_socket_and_as_a_stream(site: Site) -> None:
    address = f"{site.url.replace('http', 'ws')}/ws/query/helper"
    socket = Socket(address, headers={"X-API-Key": KEY})
    socket.send(json.dumps({"query": "green tea"}))
    frames = [json.loads(socket.receive(timeout=60)) for _ in range(3)]
    assert [frame["event"] for frame in frames] == ["started", "result", "completed"]
    socket.close()

    with httpx.stream(
        "POST",
        f"{site.url}/api/v1/agents/helper/query/stream",
        headers={"X-API-Key": KEY},
        json={"query": "green tea"},
        timeout=60,
    ) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if "data: " in line]
    events = [json.loads(line) for line in lines]
    assert events[0]["status"] == "started"
    assert events[1]["metadata"]["document_url"].startswith(f"{site.prefix}/documents/")
    assert events[-1]["status"] == "completed"


@pytest.mark.parametrize("behind", [""], ids=["own host"], indirect=True)
@pytest.mark.parametrize("site", ["caddy"], indirect=True)
def test_no_stream_is_cut_whose_answer_begins_at_once(site: Site) -> None:
    """Go's proxies give a connection up that answers while they still look for more of the request.

    Without `request_buffers` Caddy cut one stream of twenty on a busy machine.
    """

    def ask(_number: int) -> str:
        url = f"{site.url}/api/v1/agents/helper/query/stream"
        headers = {"X-API-Key": KEY}
        return httpx.post(url, headers=headers, json={"query": "green tea"}, timeout=60).text

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(200)))
    assert [answer for answer in answers if '"completed"' not in answer] == []


def test_nobody_but_the_setting_names_the_host(site: Site) -> None:
    headers = {"X-Forwarded-Host": EVIL, "X-Forwarded-Prefix": "/elsewhere", "SCRIPT_NAME": "/evil"}
    answer = httpx.get(f"{site.url}/", headers=headers, follow_redirects=True)
    assert answer.status_code == 200
    assert str(answer.url).startswith(f"{site.url}/sign-in")
    assert EVIL not in answer.text
    assert "/elsewhere" not in answer.text
    assert "/evil" not in answer.text
