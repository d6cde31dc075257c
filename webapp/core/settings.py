"""The settings of the running application, for what knows no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from webapp.config import Settings


def get_settings() -> Settings:
    """Those that the application was made with."""
    settings: Settings = current_app.config["CALLBOARD"]
    return settings
