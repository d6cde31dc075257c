"""Whatever the OpenAPI document allows, and much that it does not: never a 5xx."""

from __future__ import annotations

import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings

from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor


def test_no_request_is_answered_with_a_server_error(
    app: APIFlask, cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="helper")
    document = make_document(alice)
    known = {"agent_id": "helper", "document_id": str(document.id)}
    headers = {"X-API-Key": cast.key("alice")}
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    # NDJSON is no JSON to generate; tests/tasks/test_import.py sends its bad lines.
    operations = [operation for operation in found if operation.path != "/api/v1/documents/import"]
    assert len(operations) > 20
    for operation in operations:

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            for name in set(case.path_parameters or {}) & set(known):
                case.path_parameters[name] = known[name]
            with app.app_context():
                response = case.call(headers=headers)
            assert response.status_code < 500, (case.method, case.path, response.text)

        ask()
