"""One of everything that pages show, made over the API of a running installation."""

from __future__ import annotations

import json
from typing import Any

from tests.server import EMAIL, Installation, eventually

#: as long as names get: in words, and in one that nothing breaks
LONG = "Everything about water, leaves, pots and the time that each of them takes in the morning"
UNBROKEN = "Teewasserkochertemperaturanzeigenbeleuchtungsschaltergehaeuse"
#: what a page needs besides its address to show something
ASKED = {
    "/search": "?q=tea",
    "/palette": "?q=tea",
    "/agents/bulk": "?action=change&all=1",
    "/executions/bulk": "?action=cancel&all=true",
    "/documents/bulk": "?action=delete&all=1",
    "/agents/<handle>/versions/compare": "?from=1&to=2",
}
#: pages that no rule names by itself
OTHERS = (
    "/agents?q=nothing-like-it",
    "/agents/gone",
    "/agents/kettle",
    f"/agents/{UNBROKEN.lower()}",
    f"/agents/{UNBROKEN.lower()}/ask",
    "/agents/pot/executions",
    "/agents/pot/run",
    "/agents/tea-expert/coverage?version=2.0.0",
    "/documents?proposed=true",
    "/documents?status=failed",
    "/nothing-here",
    "/styleguide",
    "/taxonomies/2.0.0",
    "/taxonomies/new?from=1.0.0",
)
SCHEMA = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "description": LONG},
        "kind": {"type": "string", "title": UNBROKEN},
        "minutes": {"type": "integer", "minimum": 1, "maximum": 9},
        "size": {"enum": ["small", "large"]},
        "leaves": {"type": "array"},
    },
}
MARKDOWN = """# Tea number {number}

Green tea wants water of **80 degrees**, see `kettle --heat 80` and [the kettle](https://example.com).

## Times

| kind | minutes |
|---|---|
| green | 2 |
| black | 4 |

```python
def steep(minutes: int, degrees: int = 80) -> str:
    return f"Steep for {{minutes}} minutes at {{degrees}} degrees, and do not forget the sieve."
```

""" + "\n\n".join(f"{at}. Rinse the pot, warm it, and wait for the water." for at in range(40))


def fill(installation: Installation) -> dict[str, str]:
    """Returns what the parts of addresses stand for; `things["taxonomy"]` is a version of one."""
    send = installation.request
    kinds = [{"path": ["Tea", kind, f"{kind} of {place}"]}
             for kind in ("Green", "Black") for place in ("spring", "autumn")]  # fmt: skip
    kinds += [{"path": ["Tea", "Herbs"], "target_documents": 3}]
    kinds += [{"path": ["Tea", LONG, UNBROKEN], "target_documents": 2}]
    twice = [{"path": ["Health", "Green of spring"]}, {"path": ["Health"]}]
    grown = send("POST", "/taxonomies", {"version": "1.0.0", "nodes": kinds})
    send("POST", "/taxonomies", {"version": "2.0.0", "nodes": [*kinds, *twice]})
    topics = {node["canonical_path"][-1]: node["node_id"] for node in grown["nodes"]}
    for number in range(12):
        body = {
            "title": {1: LONG, 2: UNBROKEN}.get(number, f"Tea {number}"),
            "content": MARKDOWN.format(number=number),
            "content_type": "text/markdown", "external_id": f"tea-{number}", "version": "1.0.0",
            "nodes": [["Tea", "Green", "Green of spring"]] if number % 2 else [],
        }  # fmt: skip
        document = send("POST", "/documents", body)
    for handle in ("kettle", "gone", "tea-expert"):
        body = {
            "name": handle.title(), "handle": handle, "instructions": "# Tea\n\nAnswer about tea.",
            "description": "Knows tea.", "tools": ["search"], "model": "gpt-4.1",
            "handoff_targets": [] if handle == "kettle" else ["kettle"],
        }  # fmt: skip
        send("POST", "/agents", body)
    send(
        "POST",
        "/agents",
        {
            "name": LONG,
            "handle": UNBROKEN.lower(),
            "instructions": UNBROKEN,
            "description": LONG,
            "model": UNBROKEN,
            "tools": [UNBROKEN, "search"],
            "handoff_targets": ["kettle"],
        },
    )
    send("DELETE", "/agents/gone")
    expert = "/agents/tea-expert"
    send("PUT", expert, {"instructions": "Answer about tea, in one sentence.", "version_note": "x"})
    for environment in ("staging", "production"):
        send("POST", f"{expert}/versions/2/publish", {"environment": environment})
    send("PUT", expert, {"description": "Knows all about tea."})
    scope = {"taxonomy_node_ids": [topics["Tea"]], "taxonomy_version": "1.0.0"}
    send("PUT", f"{expert}/scope", scope)
    for _ in range(2):
        send("POST", f"{expert}/coverage/refresh?background=false")
    for query in ("How hot is the water for tea?", "Who repairs the lift?"):
        for agent in (expert, "/agents/kettle", f"/agents/{UNBROKEN.lower()}"):
            send("POST", f"{agent}/query", {"query": query})
    send("POST", "/webhooks", {"url": f"http://localhost:9/{UNBROKEN}/{LONG.replace(' ', '-')}"})
    hook = send("POST", "/webhooks", {"url": "http://localhost:9/hook", "events": []})
    send("POST", f"/webhooks/{hook['id']}/test")
    member = {"email": f"{UNBROKEN}@example.com", "password": "a long pass phrase"}
    send("POST", "/members", {**member, "role": "viewer"})
    member = {"email": "bob@example.com", "password": "a long pass phrase", "role": "member"}
    send("POST", "/members", member)
    for name in ("Script", f"{UNBROKEN}{UNBROKEN}"[:80]):
        send("POST", "/api-keys", {"name": name})
    body = {"name": "Pot", "handle": "pot", "instructions": "x", "input_schema": SCHEMA}
    send("POST", "/agents", body)
    given = {"prompt": LONG, "kind": UNBROKEN}
    execution = send("POST", "/agents/pot/execute", {"input": given, "wait": 30})
    named = {"name": f"{LONG} {UNBROKEN}"[:100], "provider": "openai-compatible"}
    named |= {"model": UNBROKEN, "base_url": f"http://127.0.0.1:9/{UNBROKEN.lower()}"}
    model = send("POST", "/models", named)
    lines = [{"title": "Sieve", "content": "A sieve."}, {"title": "Nothing"}]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    task = send("POST", "/documents/import", content, "application/x-ndjson")["task_id"]
    eventually(lambda: is_over(send("GET", f"/tasks/{task}")))
    return {
        "handle": "tea-expert", "agent_id": "tea-expert", "taxonomy": "1.0.0", "version": "1",
        "node_id": topics["Green"], "document_id": document["id"], "webhook_id": hook["id"],
        "task_id": task, "email": EMAIL, "execution_id": execution["id"],
        "model_id": model["id"],
    }  # fmt: skip


def is_over(task: dict[str, Any]) -> bool:
    return task["status"] in ("completed", "failed")
