"""Callboard below a path of its host: `CALLBOARD_URL=https://tools.example/callboard`."""

from __future__ import annotations

from typing import Any

from flask import current_app


class Prefix:
    """Serves the application below a path, whether or not the proxy in front strips it.

    What a request's headers say about a prefix is not asked: live parts of pages are drawn once
    for many followers, and outside of their requests.
    """

    def __init__(self, wsgi_app: Any, prefix: str) -> None:
        self.wsgi_app, self.prefix = wsgi_app, prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path: str = environ.get("PATH_INFO", "")
        if path == self.prefix or path.startswith(f"{self.prefix}/"):
            environ["PATH_INFO"] = path.removeprefix(self.prefix) or "/"
        environ["SCRIPT_NAME"] = self.prefix
        return self.wsgi_app(environ, start_response)


def link(path: str) -> str:
    """A path of the application as the host has it."""
    return str(current_app.config["APPLICATION_ROOT"]).rstrip("/") + path
