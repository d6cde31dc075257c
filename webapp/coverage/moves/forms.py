from __future__ import annotations

from webapp.core.forms import Form


class MoveForm(Form):
    """Only the token: what topics become, and the agents, are read as they come."""
