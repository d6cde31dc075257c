"""How many statements each page and each list takes: no more than `queries.json` says.

It is the same number for few rows and for many, so that a query for each row is a red test. After a
change that is meant: `make queries`, and look at what it changes in the file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.cast import PASSWORD, Api, Cast
from tests.statements import noted

FILE = Path(__file__).with_name("queries.json")
#: what a page needs to show something
ASKED = {
    "/search": "?q=tea",
    "/palette": "?q=tea",
    "/agents/bulk": "?action=change&all=1&q=agent",
    "/executions/bulk": "?action=cancel&all=true",
    "/documents/bulk": "?action=delete&all=1&q=tea",
    "/agents/<handle>/versions/compare": "?from=1&to=2",
    "/api/v1/agents/search": "?q=agent",
    "/views/chips": "?list=agents",
}
#: sockets, what asks no database, what a one-time link leads to, and a picture
LEFT_OUT = (
    "/ws/", "/static", "/styleguide", "/docs", "/redoc", "/openapi.json", "/favicon.ico", "/setup",
    "/join", "/password", "/settings/organization/logos",
)  # fmt: skip


@pytest.mark.once
def test_no_page_or_list_takes_more_statements_than_the_file_says(cast: Cast) -> None:
    few = measure(cast, 3)
    many = measure(cast, 12)
    if "UPDATE_QUERIES" in os.environ:
        FILE.write_text(json.dumps(many, indent=2, sort_keys=True) + "\n")
    grown = {path: (few[path], many[path]) for path in many if few[path] != many[path]}
    assert not grown, "(with few rows, with many)"
    known = json.loads(FILE.read_text())
    more = {at: (known.get(at), now) for at, now in many.items() if now > known.get(at, 0)}
    assert not more, "(in the file, now); `make queries` writes the file anew."


def measure(cast: Cast, size: int) -> dict[str, int]:
    """The statements of the second of two requests of each page, by its rule."""
    names = fill(cast.api("alice"), size)
    client, key = cast.app.test_client(), cast.key("alice")
    cast.browser("alice")
    for _ in range(size):
        browser = cast.browser("alice")
    counts = {}
    for rule, path in pages(cast.app, names):
        is_api = path.startswith("/api/")
        counts[rule] = count(
            client if is_api else browser.client, path, {"X-API-Key": key} if is_api else {}
        )
    return counts


def pages(app: APIFlask, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Every address that can be read, as a rule and with its parts filled in."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(LEFT_OUT):
            continue
        known = names | (
            {"version": "1.0.0", "other": "2.0.0"} if "/taxonomies/" in rule.rule else {}
        )
        parts = [
            known[part[1:-1].split(":")[-1]] if part.startswith("<") else part
            for part in rule.rule.split("/")
        ]
        yield rule.rule, "/".join(parts) + ASKED.get(rule.rule, "")


def count(client: FlaskClient, path: str, headers: dict[str, str]) -> int:
    client.get(path, headers=headers)
    with noted() as statements:
        response = client.get(path, headers=headers)
        assert response.status_code < 400, (path, re.sub("<[^>]*>", "", response.text))
    return len(statements)


def fill(api: Api, size: int) -> dict[str, str]:
    """Make `size` more of everything; returns what the parts of addresses stand for."""

    def send(method: str, path: str, body: Any = None) -> Any:
        response = api.request(method, path, body)
        assert response.status_code < 300, (path, response.text)
        return response.json

    numbers = [f"{size}-{number}" for number in range(size)]
    nodes = [{"path": ["Tea", f"Kind {number}"]} for number in numbers]
    for version in ("1.0.0", "2.0.0"):
        grown = send("POST", "/taxonomies", {"version": version, "nodes": nodes})
        if version == "1.0.0":
            kinds = [node["node_id"] for node in grown["nodes"] if node["parent_ids"]]
    for number in numbers:
        body = {"title": f"Tea {number}", "content": f"Tea {number} wants water of 80 degrees."}
        topics = {"nodes": [["Tea", f"Kind {number}"]], "version": "1.0.0"}
        document = send("POST", "/documents", body | topics)
        handle = f"agent-{number}"
        send("POST", "/agents", {"name": f"Agent {number}", "handle": handle, "instructions": "x"})
        send("PUT", f"/agents/{handle}", {"description": "Changed"})
        send("POST", f"/agents/{handle}/versions/2/publish", {"environment": "staging"})
        scope = {"taxonomy_node_ids": kinds, "taxonomy_version": "1.0.0"}
        send("PUT", f"/agents/{handle}/scope", scope)
        send("POST", f"/agents/{handle}/coverage/refresh?background=false")
        person = f"person-{number}@example.com"
        send("POST", "/members", {"email": person, "password": PASSWORD, "role": "viewer"})
        send("POST", "/api-keys", {"name": f"Key {number}"})
        hook = {"url": f"https://example.com/{number}", "events": []}
        webhook = send("POST", "/webhooks", hook)
        priced = {"input_cost": 0, "output_cost": 0, "max_context_tokens": 1000}
        local = {"provider": "openai-compatible", "base_url": "http://127.0.0.1:1", **priced}
        model = send("POST", "/models", local | {"model": f"model-{number}"})
    for number in numbers:
        path, question = f"/agents/{handle}", f"Who repairs the {number.replace('-', ' lift ')}?"
        targets = [f"agent-{other}" for other in numbers[:-1]]
        send("PUT", path, {"description": f"Changed {number}", "handoff_targets": targets})
        send("POST", f"{path}/query", {"query": question})
        execution = send("POST", f"{path}/execute", {"input": question})
        hook = {"webhook_url": f"https://example.com/{number}"}
        task = send("POST", f"{path}/coverage/refresh?background=true", hook)
    # A stream of one that has not ended would be followed.
    send("POST", f"/executions/{execution['id']}/cancel")
    return {
        "agent_id": handle, "handle": handle, "node_id": kinds[0], "task_id": task["task_id"],
        "document_id": document["id"], "webhook_id": webhook["id"], "model_id": model["id"],
        "execution_id": execution["id"],
        "version": "1", "other": "current", "semver": "1.0.0",
    }  # fmt: skip
