"""Question: what somebody asks an agent or the documents, and the passages that answer it."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta

    from webapp.agents.deletion import belongings
    from webapp.core import openapi, retention
    from webapp.questions import api, pages, services
    from webapp.questions import live as _  # noqa: F401 - it registers its socket
    from webapp.questions.schemas import QueryBody
    from webapp.questions.unanswered import api as unanswered_api
    from webapp.questions.unanswered.models import UnansweredQuestion

    belongings["questions"] = services.count_questions_of
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.register_blueprint(unanswered_api.bp)
    openapi.document_socket(
        app,
        "/ws/query/{agent_id}",
        operation_id="agents.querySocket",
        summary="Ask an agent, and read each result as it ranks; an `id` is echoed",
        receives=QueryBody,
        sends={
            "started": "the agent that is asked",
            "result": "one passage, with its `index`",
            "completed": "how many there were, and how long it took",
            "error": "a problem; the socket stays open",
        },
        example=[
            ("client", {"id": 1, "query": "How do I rotate an API key?", "top_k": 3}),
            ("server", {"event": "started", "id": 1, "data": {"agent_id": "0b9ab5a5-…"}}),
            ("server", {"event": "result", "id": 1, "data": {"index": 0, "content": "…"}}),
            ("server", {"event": "completed", "id": 1, "data": {"total_results": 1}}),
        ],
    )
    age = timedelta(days=app.config["CALLBOARD"].history_days)
    retention.register("questions", age, retention.forget_by(UnansweredQuestion.last_asked_at))
