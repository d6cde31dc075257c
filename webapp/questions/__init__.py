"""Question: what somebody asks an agent or the documents, and the passages that answer it."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta

    from webapp.agents.deletion import belongings
    from webapp.core import retention
    from webapp.questions import api, pages, services
    from webapp.questions import live as _  # noqa: F401 - it registers its socket
    from webapp.questions.unanswered import api as unanswered_api
    from webapp.questions.unanswered.models import UnansweredQuestion

    belongings["questions"] = services.count_questions_of
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.register_blueprint(unanswered_api.bp)
    age = timedelta(days=app.config["CALLBOARD"].history_days)
    retention.register("questions", age, retention.forget_by(UnansweredQuestion.last_asked_at))
