"""`/styleguide`, in debug only: every component in both themes, side by side."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Response

from webapp.agents.forms import AgentForm
from webapp.agents.models import Agent, Status
from webapp.core import clock
from webapp.core.actor import ORGANIZATION_READ
from webapp.core.lists import Page
from webapp.core.ranges import Range
from webapp.core.security import requires
from webapp.core.web import page

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


def init_app(app: APIFlask) -> None:
    app.add_url_rule("/styleguide", "styleguide", show)


@requires(ORGANIZATION_READ)
def show() -> Response:
    forms = {theme: AgentForm(prefix=f"{theme}-") for theme in ("light", "dark")}
    forms["dark"].name.errors = ("An agent of this name exists.",)
    minute = int(clock.now().timestamp()) // 60 * 60
    return page(
        "styleguide/show.html",
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
