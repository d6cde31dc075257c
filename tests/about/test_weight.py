"""What a page weighs, whatever an installation has: `make bench-pages` says it of a large one."""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path
from posixpath import join, normpath

import pytest

from bench.lists import fill_agents, fill_documents
from tests.about.test_queries import fill, pages
from tests.cast import Cast
from webapp.core.actor import Actor
from webapp.taxonomies.schemas import TaxonomyRequest
from webapp.taxonomies.services import extend_taxonomy

MAX_HTML_BYTES = 200_000
MAX_SCRIPT_BYTES = 60_000
STATIC = Path(__file__).parents[2] / "static"


@pytest.mark.once
def test_no_page_and_no_script_is_heavy_where_there_are_many_of_everything(
    cast: Cast, alice: Actor
) -> None:
    api = cast.api("alice")
    names = fill(api, 3)
    nodes = [
        {"path": [f"Area {area}", f"Field {area}.{field}", f"Topic {area}.{field}.{topic}"]}
        for area in range(10)
        for field in range(10)
        for topic in range(20)
    ]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": nodes})
    grown = extend_taxonomy(body, actor=alice).nodes
    fill_agents(alice, range(300))
    leaves = [node.node_id for node in grown if len(node.canonical_path) == 3]
    fill_documents(alice, range(2000), leaves)
    tops = [str(node.node_id) for node in grown if len(node.canonical_path) == 1]
    agent = f"/agents/{names['handle']}"
    scope = {"taxonomy_node_ids": tops, "taxonomy_version": "1.0.0"}
    assert api.put(f"{agent}/scope", scope).status_code == 200
    assert api.post(f"{agent}/coverage/refresh?background=false").status_code == 200

    browser, heavy = cast.browser("alice"), {}
    for _, path in pages(cast.app, names | {"node_id": tops[0]}):
        if path.startswith("/api/"):
            continue
        answer = browser.client.get(path)
        if answer.mimetype == "text/html":
            html, scripts = len(answer.data), weigh_scripts(answer.text)
            if html > MAX_HTML_BYTES or scripts > MAX_SCRIPT_BYTES:
                heavy[path] = html, scripts
    assert weigh_scripts(browser.client.get("/").text) > 10_000  # it finds them
    assert not heavy, "(bytes of HTML, compressed bytes of scripts)"


def weigh_scripts(html: str) -> int:
    """Compressed bytes of all scripts that a page loads, with what these import."""
    waiting = set(re.findall(r'<script[^>]*\ssrc="/static/(?:at/\w+/)?([^"]+)"', html))
    loaded: set[str] = set()
    while waiting:
        name = waiting.pop()
        loaded.add(name)
        waiting |= imports(name) - loaded
    return sum(weigh(name) for name in loaded)


@cache
def imports(name: str) -> set[str]:
    found = re.findall(r'\b(?:from|import)\s*\(?"(\.[^"]+)"', (STATIC / name).read_text())
    return {normpath(join(name, "..", path)) for path in found}


@cache
def weigh(name: str) -> int:
    return len(gzip.compress((STATIC / name).read_bytes()))
