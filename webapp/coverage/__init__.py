"""Coverage: how much of an agent's scope has the documents it should have; what is missing.

`scopes` gives agents their topics, `moves` takes them from one version of a taxonomy to another.
"""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta

    from webapp.agents.pages import panels
    from webapp.core import retention
    from webapp.coverage import api, live, pages, refresh
    from webapp.coverage.models import CoverageRecord
    from webapp.coverage.moves import api as moves_api
    from webapp.coverage.moves import pages as moves_pages
    from webapp.coverage.moves import services as moves
    from webapp.coverage.scopes import api as scopes_api
    from webapp.coverage.scopes import pages as scopes_pages
    from webapp.coverage.scopes import services as scopes
    from webapp.documents import signals as documents
    from webapp.taxonomies import signals as taxonomies

    panels["knowledge"] = pages.draw_panel
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.register_blueprint(scopes_pages.bp)
    app.register_blueprint(scopes_api.bp)
    app.register_blueprint(moves_pages.bp)
    app.register_blueprint(moves_api.bp)
    live.init_app(app)
    documents.changed.connect(app, refresh.schedule_recalculation)
    taxonomies.scopes_used.connect(app, scopes.list_users)
    refresh.register()
    moves.register()
    age = timedelta(days=app.config["CALLBOARD"].history_days)
    retention.register("coverage", age, retention.forget_by(CoverageRecord.timestamp))
