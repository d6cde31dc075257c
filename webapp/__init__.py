"""Callboard: the operations console for AI agents."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A module of this package is also imported by processes that need to be light: gunicorn's master
# and the check before a start. So the frameworks are imported where the application is made.
if TYPE_CHECKING:
    from apiflask import APIFlask

    from webapp.config import Settings

__version__ = "0.1.0"

ROOT = Path(__file__).parents[1]

#: The table of contents: a feature imports what stands above it, never below.
FEATURES = (
    "audit",
    "accounts",
    "views",
    "webhooks",
    "catalog",
    "agents",
    "tasks",
    "taxonomies",
    "documents",
    "questions",
    "coverage",
    "executions",
    "overview",
)


def create_app(settings: Settings | None = None) -> APIFlask:
    """Make the application for one database; the web, workers, commands and tests all call it."""
    from apiflask import APIFlask

    from webapp import cli, engine
    from webapp.config import Settings
    from webapp.core import api, feature, live, logs, security, web
    from webapp.core.database import migrations, outcomes
    from webapp.core.database.connections import prepare_sqlite
    from webapp.core.extensions import csrf, db
    from webapp.core.http import bodies, problems
    from webapp.index import embedding

    settings = settings or Settings.from_environment()
    logs.configure(settings.log_format)
    app = APIFlask(
        "webapp",
        title="Callboard",
        version=__version__,
        enable_openapi=False,  # core/openapi.py makes the document
        static_folder=str(ROOT / "static"),
        template_folder=str(ROOT / "templates"),
        root_path=str(ROOT),
    )
    app.request_class = bodies.Request
    app.config.update(_configuration(settings))
    db.init_app(app)
    with app.app_context():
        prepare_sqlite(db.engine)
    migrations.init_app(app)
    csrf.init_app(app)
    api.init_app(app)
    problems.init_app(app)
    security.init_app(app)
    outcomes.init_app(app)
    web.init_app(app)
    embedding.init_app(app)
    feature.register(app, ["webapp.core.live", *(f"webapp.{name}" for name in FEATURES)])
    engine.register(
        app,
        queues=feature.contributions(engine.Queue, app),
        jobs=feature.contributions(engine.Job, app),
        programs=feature.contributions(engine.Program, app),
    )
    live.init_app(app)
    cli.init_app(app)
    if app.debug:
        from webapp import styleguide

        styleguide.init_app(app)
    app.add_url_rule("/favicon.ico", "favicon", security.public(_favicon))
    security.check_permissions(app)
    app.wsgi_app = _wrap(app.wsgi_app, settings)  # type: ignore[method-assign]  # as Flask says
    return app


def _configuration(settings: Settings) -> dict[str, Any]:
    """What Flask and its extensions are told."""
    from webapp.core.database.connections import make_engine_options

    return {
        "CALLBOARD": settings,
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.earlier_secret_keys),
        "APPLICATION_ROOT": settings.prefix or "/",
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": make_engine_options(settings.database_url),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        # The session's row says when it ends; the cookie is there as long as browsers keep one. It
        # is set only when it changes: an answer that comes late would bring an older one back.
        "PERMANENT_SESSION_LIFETIME": timedelta(days=400),
        "SESSION_REFRESH_EACH_REQUEST": False,
        "SEND_FILE_MAX_AGE_DEFAULT": 3600,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_SSL_STRICT": False,
        "MAX_FORM_MEMORY_SIZE": settings.max_body,
    }


def _wrap(wsgi_app: Any, settings: Settings) -> Any:
    """What a request goes through before Flask has it, the last of these first."""
    from werkzeug.middleware.proxy_fix import ProxyFix

    from webapp.core.http.bodies import ClosingConnections
    from webapp.core.http.prefix import Prefix

    wsgi_app = _OneApiBase(wsgi_app)
    if settings.proxies:
        hops = settings.proxies
        wsgi_app = ProxyFix(wsgi_app, x_for=hops, x_proto=hops, x_host=0)
    if settings.prefix:
        wsgi_app = Prefix(wsgi_app, settings.prefix)
    return ClosingConnections(wsgi_app)


class _OneApiBase:
    """`/api/<rest>` answers as `/api/v1/<rest>`, and sockets answer with and without the base."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith("/api/"):
            rest = path.removeprefix("/api/").removeprefix("v1/")
            environ["PATH_INFO"] = f"/{rest}" if rest.startswith("ws/") else f"/api/v1/{rest}"
        return self.wsgi_app(environ, start_response)


def _favicon() -> Any:
    from flask import redirect, url_for

    return redirect(url_for("static", filename="favicon.svg"))
