"""A client that a real generator makes of the live document, used against the server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.server import KEY, Installation, eventually

#: the generator reads no NDJSON of its own accord, and its formatter is not needed here
CONFIG = {
    "content_type_overrides": {"application/x-ndjson": "application/octet-stream"},
    "post_hooks": [],
}


@pytest.fixture(scope="module")
def package(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The generated package; a word of the generator about what it left out fails."""
    folder = tmp_path_factory.mktemp("generated")
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG))
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none",
         "--url", f"{installation.url}/openapi.json", "--config", str(config),
         "--output-path", str(folder / "callboard_client")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING" not in (made.stdout + made.stderr).upper(), made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield import_module("callboard_client")
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def client(package: Any, installation: Installation) -> Any:
    return package.AuthenticatedClient(base_url=installation.url, token=KEY)


def operation(tag: str, name: str) -> Any:
    return import_module(f"callboard_client.api.{tag}.{name}")


def model(name: str) -> Any:
    return getattr(import_module("callboard_client.models"), name)


def test_it_has_every_operation(package: Any, installation: Installation) -> None:
    document = installation.document()
    folder = Path(package.__file__).parent / "api"
    made = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    assert len(made) == sum(len(operations) for operations in document["paths"].values())


def test_it_makes_finds_and_misses_agents(client: Any) -> None:
    body = model("AgentCreate")(name="Made by a client", instructions="Help.", handle="generated")
    made = operation("agents", "agents_create").sync(client=client, body=body)
    assert made.handle == "generated"
    found = operation("agents", "agents_list").sync(client=client, q="made by", active=True)
    assert [agent.id for agent in found] == [made.id]
    refused = operation("agents", "agents_create").sync(client=client, body=body)
    assert (refused.status, refused.code) == (409, "handle_taken")
    missed = operation("agents", "agents_get").sync(client=client, agent_id="nobody")
    assert (type(missed).__name__, missed.code) == ("Problem", "not_found")


def test_it_uploads_stores_imports_and_asks(client: Any, package: Any) -> None:
    text = "# Kettles\n\nA kettle for green tea is set to 80 degrees.\n"
    file = package.types.File(payload=text.encode(), file_name="kettles.md")
    upload = operation("knowledge", "documents_upload")
    body = model("DocumentsUploadBody")(file=file, title="Kettles of a client")
    tasks = [upload.sync(client=client, body=body)]
    stored = operation("knowledge", "documents_create").sync(
        client=client, body=model("DocumentRequest")(content="Black tea wants boiling water.")
    )
    assert stored.status == "ready"
    lines = json.dumps({"content": "White tea wants water of 75 degrees."}).encode()
    tasks.append(
        operation("knowledge", "documents_import").sync(
            client=client, body=package.types.File(payload=lines)
        )
    )
    show = operation("tasks", "tasks_get")
    for task in tasks:
        ended = partial(show.sync, client=client, task_id=task.task_id)
        eventually(lambda ended=ended: ended().status == "completed")
    agent = model("AgentCreate")(name="Asked by a client", instructions="Help.", handle="asked")
    operation("agents", "agents_create").sync(client=client, body=agent)
    answer = operation("knowledge", "agents_query").sync(
        client=client, agent_id="asked", body=model("QueryRequest")(query="kettle for green tea")
    )
    assert answer.results[0].metadata.title == "Kettles of a client"
    events = operation("knowledge", "agents_query_stream").sync(
        client=client, agent_id="asked", body=model("QueryRequest")(query="kettle for green tea")
    )
    assert '"status": "completed"' in events
