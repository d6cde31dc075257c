"""`/styleguide`, in debug only: every component in both themes, side by side."""

from __future__ import annotations

from uuid import UUID, uuid5

from apiflask import APIFlask
from flask import Response

from webapp.agents.forms import AgentForm
from webapp.agents.handoffs.drawing import draw
from webapp.agents.handoffs.services import Edge, Graph, Node
from webapp.agents.models import Agent, Status
from webapp.core import clock
from webapp.core.actor import ORGANIZATION_READ
from webapp.core.lists import Page
from webapp.core.ranges import Range
from webapp.core.security import requires
from webapp.core.web import page
from webapp.coverage.map import Area
from webapp.coverage.tree import Branch

RESULT = {
    "content": "Make the new key first, move the programs over, then revoke the old key.",
    "score": 0.861,
    "metadata": {
        "title": "Operations",
        "content_type": "text/markdown",
        "document_url": "#light",
        "heading_path": ["Keys", "Rotate"],
        "highlights": [(13, 16), (68, 71)],
        "bm25": 4.21,
        "cosine": 0.63,
        "confidence": 0.71,
    },
}

TEXT = """Keys *open* doors, and `rotate()` makes **new** ones; see [operations](https://example.com).

## How

1. Make the new key.
2. Revoke the old one.

| Key | Opens |
|-----|------:|
| cb_1 | 3 |

```sh
callboard keys rotate --name release
```

> What was said once is quoted.

"""


#: what a picture calls an agent or a topic by
NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
GRAPH_KEYS = [uuid5(NAMES, name) for name in ("triage", "billing", "refunds", "gone")]


def graph() -> Graph:
    """Three agents, two of them in a circle, and one that is deleted."""
    triage, billing, refunds, gone = GRAPH_KEYS
    return Graph(
        nodes=[
            Node(triage, "triage", "Triage", "active", True, "1.2.0"),
            Node(billing, "billing", "Billing", "active", True, None),
            Node(refunds, "refunds", "Refunds", "draft", True, None),
            Node(gone, "gone", "Gone", "active", False, None),
        ],
        edges=[
            Edge(triage, billing, "ok"),
            Edge(triage, gone, "deleted"),
            Edge(billing, refunds, "ok"),
            Edge(refunds, billing, "ok"),
        ],
        cycles=[[billing, refunds]],
        unconnected_count=0,
    )


def areas() -> list[Area]:
    """A topic with three below it, from none of what is wanted to all of it."""
    found = [Area(topic("Tea", 16, 30), 0, 0, 1000, 320, more=0, is_group=True)]
    for at, (name, have) in enumerate({"Green": 10, "Black": 6, "White": 0}.items()):
        found.append(Area(topic(name, have, 10), 3 + 331 * at, 17, 331, 300, more=0))
    return found


def topic(name: str, have: int, wanted: int) -> Branch:
    return Branch(
        id=uuid5(NAMES, name), node_id=uuid5(NAMES, name), label=name, path=["Tea", name],
        documents=have, target=wanted, covered=have, target_sum=wanted,
        topic_count=1, child_count=0,
    )  # fmt: skip


def init_app(app: APIFlask) -> None:
    app.add_url_rule("/styleguide", "styleguide", show)


@requires(ORGANIZATION_READ)
def show() -> Response:
    forms = {theme: AgentForm(prefix=f"{theme}-") for theme in ("light", "dark")}
    forms["dark"].name.errors = ("An agent of this name exists.",)
    minute = int(clock.now().timestamp()) // 60 * 60
    pictured = graph()
    return page(
        "styleguide/show.html",
        drawing=draw(pictured),
        nodes={node.id: node for node in pictured.nodes},
        areas=areas(),
        answer={"is_answered": True, "total_results": 3, "query_time_ms": 4.2},
        forms=forms,
        now=clock.now(),
        paging=Page(items=[None, None], total=5, limit=2, offset=2),
        result=RESULT,
        text=TEXT,
        agent=Agent(
            paused=True,
            status=Status.DEPRECATED.value,
            environments={
                "production": {"version": 4, "semver": "1.1.0"},
                "staging": {"version": 7, "semver": "1.2.0"},
            },
        ),
        ranges=list(Range),
        series={
            "x": [minute - 60 * ago for ago in range(59, -1, -1)],
            "y": [(ago * 7) % 11 for ago in range(60)],
        },
    )
