"""Every page of a large installation, in a browser on a processor that is slowed down four times.

    python -m bench.pages [sqlite] [postgresql]

`AGENTS` (10000), `DOCUMENTS` (100000) and `TOPICS` (20000) are the rows, most of them written past
the services. Each figure stands beside its ratio to the goal, with a `!` where it misses it; the
pages are sorted by the worst of these. The server's time is what its processes compute, those of
PostgreSQL as well, so that it tells the same on a busy machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from uuid import UUID

import numpy as np
import psutil
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from sqlalchemy import make_url, select

from bench.lists import fill_agents, fill_documents, settle
from bench.running import Caller, on_postgresql, on_sqlite, processor_time
from tests.journeys.conftest import FLAGS, sign_in_at
from tests.journeys.filled import fill
from tests.journeys.walking import SCRIPTS, SETTLED, WATCHES, compressed, is_page, list_pages
from tests.server import Installation
from webapp import create_app
from webapp.accounts.models import Membership
from webapp.config import Settings
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents.topics.recounting import recount_nodes, recount_scopes
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import Scope
from webapp.taxonomies.schemas import TaxonomyRequest

AGENTS, DOCUMENTS, TOPICS = (
    int(os.environ.get(name, default))
    for name, default in (("AGENTS", "10000"), ("DOCUMENTS", "100000"), ("TOPICS", "20000"))
)
#: figure → the most that it may be
GOALS = {
    "HTML (KB)": 200.0,
    "server p95 (ms)": 100.0,
    "first paint (ms)": 500.0,
    "shift": 0.02,
    "scripts (KB)": 60.0,
}
ARRIVAL_GOAL_MS = 150
SLOWDOWN = 4
REQUESTS, LOADS, PUSHES = 20, 3, 40
#: seconds in which a slow page is asked no more than it was
PATIENCE = 20.0
VERSION = "3.0.0"
PAINTED = """
() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity
"""
#: notes when the open page is changed next, but for its times, which change by themselves
AWAITS = """
window.arrived = 0;
new MutationObserver((changes) => {
  if (changes.some(({ target }) => !target.closest("time")))
    window.arrived ||= Date.now();
}).observe(document.body, { subtree: true, childList: true, attributes: true });
"""

Figures = dict[str, float]


def main() -> None:
    kinds = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}
    chosen = [name for name in kinds if name.lower() in sys.argv[1:]]
    for name in chosen or ["SQLite"]:
        with kinds[name]() as running, sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
            things = fill_largely(running)
            print(f"{name}: {AGENTS:,} agents, {DOCUMENTS:,} documents, {TOPICS:,} topics")
            show(measure_pages(running, browser, things))
            arrival = measure_arrivals(running, browser)
            print(
                f"announcement to open page p95: {arrival:.0f} ms"
                f" ({arrival / ARRIVAL_GOAL_MS:.2f} of {ARRIVAL_GOAL_MS} ms)"
            )
            browser.close()


def fill_largely(running: Installation) -> dict[str, str]:
    """What the walk of the tests has, the many rows, and an agent about all of the topics."""
    things = fill(running)
    app = create_app(Settings.from_environment(running.environment))
    with app.app_context():
        member = db.session.scalars(select(Membership).order_by(Membership.created_at)).first()
        assert member is not None
        actor = member.actor
        roots = _make_topics(actor)
        fill_agents(actor, range(AGENTS))
        fill_documents(actor, range(DOCUMENTS), roots["leaves"])
        recount_nodes(actor.organization_id)
        recount_scopes(Scope.organization_id == actor.organization_id)
        settle()
        db.session.remove()
        db.engine.dispose()
    tops = [str(node_id) for node_id in roots["tops"]]
    caller = Caller(running)
    scope = {"taxonomy_node_ids": tops, "taxonomy_version": VERSION}
    caller.call("PUT", "/agents/tea-expert/scope", scope)
    caller.call("POST", "/agents/tea-expert/coverage/refresh?background=false")
    return {**things, "taxonomy": VERSION, "node_id": tops[0]}


def _make_topics(actor: Actor) -> dict[str, list[UUID]]:
    side = max(2, round((TOPICS / 50) ** 0.5))
    paths = [
        [f"Area {area}", f"Field {area}.{field}", f"Topic {area}.{field}.{topic}"]
        for area, field, topic in product(range(side), range(side), range(50))
    ]
    nodes = [{"path": path} for path in paths[: TOPICS - side - side**2]]
    body = TaxonomyRequest.model_validate({"version": VERSION, "nodes": nodes})
    grown = taxonomies.extend_taxonomy(body, actor=actor).nodes
    return {
        "tops": [node.node_id for node in grown if len(node.canonical_path) == 1],
        "leaves": [node.node_id for node in grown if len(node.canonical_path) == 3],
    }


def measure_pages(
    running: Installation, browser: Browser, things: Mapping[str, str]
) -> dict[str, Figures]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(WATCHES)
    sign_in_at(running.url, page)
    session = context.new_cdp_session(page)
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())
    found = {}
    for path in list_pages(running, things):
        if not is_page(page, running.url + path):
            continue
        size, p95 = measure_server(running, path, cookies)
        paint, shift, scripts = measure_browser(page, session, running.url + path)
        found[path] = dict(zip(GOALS, (size, p95, paint, shift, scripts), strict=True))
        print(path, found[path], file=sys.stderr, flush=True)
    context.close()
    return found


def measure_server(running: Installation, path: str, cookies: str) -> tuple[float, float]:
    """Kilobytes of the page, and the 95th percentile of milliseconds that the server computes."""
    times: list[float] = []
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=120)) as connection:

        def load() -> bytes:
            connection.request("GET", path, headers={"Cookie": cookies})
            return connection.getresponse().read()

        load()
        content = load()
        processes = server_processes(running)
        began = time.monotonic()
        while len(times) < REQUESTS and (len(times) < 2 or time.monotonic() - began < PATIENCE):
            before = processor_time(processes)
            load()
            times.append(processor_time(processes) - before)
    return len(content) / 1000, float(np.percentile(times, 95))


def server_processes(running: Installation) -> list[int]:
    """The web's processes, and those with which PostgreSQL serves connections."""
    assert running.process is not None
    children = psutil.Process(running.process.pid).children(recursive=True)
    found = [child for child in children if "gunicorn" in " ".join(child.cmdline())]
    socket = make_url(running.database_url).query.get("host")
    if socket:
        server = int((Path(str(socket)) / "postmaster.pid").read_text().split()[0])
        backends = psutil.Process(server).children()
        found += [child for child in backends if "[local]" in " ".join(child.cmdline())]
    return [child.pid for child in found]


def measure_browser(page: Page, session: CDPSession, url: str) -> tuple[float, float, float]:
    """Milliseconds to the first paint (median), the largest shift, kilobytes of scripts."""
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    paints, shifts = [], []
    for _ in range(LOADS):
        page.goto(url)
        page.wait_for_function(SETTLED)
        paints.append(page.evaluate(PAINTED))
        shifts.append(page.evaluate("window.shifts.sum"))
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    scripts = sum(compressed(name) for name in set(page.evaluate(SCRIPTS)))
    return float(np.median(paints)), max(shifts), scripts / 1000


def measure_arrivals(running: Installation, browser: Browser) -> float:
    """From before a change is sent until an open page shows it: p95 in milliseconds."""
    page = browser.new_page()
    sign_in_at(running.url, page)
    page.goto(f"{running.url}/agents/kettle")
    page.wait_for_function(SETTLED)
    page.evaluate(AWAITS)
    caller, times = Caller(running), []
    for number in range(PUSHES):
        page.evaluate("window.arrived = 0")
        began = 1000 * time.time()
        caller.call("PATCH", "/agents/kettle", {"name": f"Kettle {number}"})
        page.wait_for_function("() => window.arrived")
        times.append(page.evaluate("window.arrived") - began)
        time.sleep(0.5)
    return float(np.percentile(times, 95))


def show(found: Mapping[str, Figures]) -> None:
    def worst(path: str) -> float:
        return max(found[path][name] / goal for name, goal in GOALS.items())

    def cell(path: str, name: str) -> str:
        figure, goal = found[path][name], GOALS[name]
        return f"{figure:.3g} (x{figure / goal:.2f}){' !'[figure > goal]}"

    print(f"{'page':<44}" + "".join(f"{name:>20}" for name in GOALS))
    print(f"{'goal':<44}" + "".join(f"{goal:>20g}" for goal in GOALS.values()))
    for path in sorted(found, key=worst, reverse=True):
        cells = [cell(path, name) for name in GOALS]
        short = path if len(path) < 44 else f"{path[:40]}…"
        print(f"{short:<44}" + "".join(f"{shown:>20}" for shown in cells))
    for name, goal in GOALS.items():
        missing = sum(figures[name] > goal for figures in found.values())
        print(f"{name}: {missing} of {len(found)} pages miss {goal:g}", flush=True)


if __name__ == "__main__":
    main()
