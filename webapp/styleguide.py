"""`/styleguide`, in debug only: every component side by side."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Response

from webapp.agents.forms import AgentForm
from webapp.core.actor import Role
from webapp.core.security import requires
from webapp.core.web import page


def init_app(app: APIFlask) -> None:
    app.add_url_rule("/styleguide", "styleguide", show)


@requires(Role.VIEWER)
def show() -> Response:
    return page("styleguide/show.html", form=AgentForm())
