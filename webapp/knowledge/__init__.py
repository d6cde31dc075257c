"""Document: a text that agents answer from; kept in chunks, found by keywords and by meaning."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta

    from webapp.agents.deletion import belongings
    from webapp.agents.pages import panels
    from webapp.core import retention
    from webapp.knowledge import api, cli, embedding, indexing, jobs, live, pages, services
    from webapp.knowledge.bulk import api as bulk_api
    from webapp.knowledge.bulk import pages as bulk_pages
    from webapp.knowledge.bulk import services as bulk
    from webapp.knowledge.coverage import api as coverage_api
    from webapp.knowledge.coverage import pages as coverage_pages
    from webapp.knowledge.coverage import refresh
    from webapp.knowledge.coverage.models import CoverageRecord
    from webapp.knowledge.questions import api as questions_api
    from webapp.knowledge.questions.models import UnansweredQuestion
    from webapp.knowledge.scopes import api as scopes_api
    from webapp.knowledge.scopes import move_pages, moves, proposals
    from webapp.knowledge.scopes import pages as scopes_pages
    from webapp.knowledge.taxonomies import api as taxonomies_api
    from webapp.knowledge.taxonomies import pages as taxonomies_pages

    belongings["questions"] = services.count_questions_of
    panels["knowledge"] = coverage_pages.draw_panel
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.register_blueprint(bulk_pages.bp)
    app.register_blueprint(bulk_api.bp)
    app.register_blueprint(taxonomies_pages.bp)
    app.register_blueprint(taxonomies_api.bp)
    app.register_blueprint(scopes_pages.bp)
    app.register_blueprint(scopes_api.bp)
    app.register_blueprint(move_pages.bp)
    app.register_blueprint(coverage_pages.bp)
    app.register_blueprint(coverage_api.bp)
    app.register_blueprint(questions_api.bp)
    live.init_app(app)
    refresh.register()
    indexing.register()
    cli.init_app(app)
    settings = app.config["CALLBOARD"]
    if settings.embedder_url:
        embedding.use_embedder(
            embedding.OpenAIEmbedder(
                settings.embedder_url,
                settings.embedder_model,
                settings.embedder_dimensions,
                settings.embedder_api_key,
            )
        )
    proposals.register()
    moves.register()
    bulk.register()
    jobs.register()
    age = timedelta(days=settings.history_days)
    retention.register("coverage", age, retention.forget_by(CoverageRecord.timestamp))
    retention.register("questions", age, retention.forget_by(UnansweredQuestion.last_asked_at))
