"""Every route, every role, and another organization."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor, Permission, Role
from webapp.core.extensions import db
from webapp.questions.schemas import QueryRequest
from webapp.questions.services import ask_agent
from webapp.questions.unanswered.services import list_unanswered
from webapp.tasks import services as tasks
from webapp.taxonomies.schemas import TaxonomyRequest
from webapp.taxonomies.services import extend_taxonomy
from webapp.webhooks.services import create_webhook

# The reviewed list: who may use what. None is everybody. A new route is added here on purpose.
ROLES = {
    "GET / /palette /styleguide": Role.VIEWER,
    "GET /agents /agents/<handle> /documents /documents/<uuid:document_id> /search": Role.VIEWER,
    "GET /tasks /tasks/<task_id> /settings /settings/members": Role.VIEWER,
    "GET /settings/api-keys /settings/sessions /ws/live": Role.VIEWER,
    "POST /settings/api-keys /settings/api-keys/<uuid:key_id>/revocation": Role.VIEWER,
    "POST /settings/sessions/<uuid:session_id>/revocation": Role.VIEWER,
    "GET /agents/<handle>/ask /ws/query/<agent_id> /ws/ask/<agent_id>": Role.MEMBER,
    "POST /agents/<handle>/ask": Role.MEMBER,
    "GET /agents/handoffs /agents/<handle>/versions /agents/<handle>/versions/compare "
    "/agents/<handle>/versions/<int:version> /agents/<handle>/releases": Role.VIEWER,
    "POST /agents/preview": Role.VIEWER,
    "GET /agents/new /agents/<handle>/edit /documents/new /agents/<handle>/settings "
    "/agents/<handle>/removal /agents/<handle>/releases/new /agents/bulk /agents/export "
    "/agents/import": Role.ADMIN,
    "POST /agents/bulk /agents/import /agents/<handle>/pause /agents/<handle>/copies "
    "/agents/<handle>/removal /agents/<handle>/versions/<int:version>/rollback "
    "/agents/<handle>/releases /agents/<handle>/releases/rollback "
    "/agents/<handle>/releases/<semver>/deployments "
    "/agents/<handle>/releases/<semver>/status": Role.ADMIN,
    "POST /agents /agents/<handle> /agents/<handle>/deletion": Role.ADMIN,
    "POST /agents/<handle>/restoration /documents /documents/uploads": Role.ADMIN,
    "POST /documents/<uuid:document_id>/deletion /tasks/<task_id>/cancellation": Role.ADMIN,
    "POST /tasks/<task_id>/retrial /settings/members": Role.ADMIN,
    "POST /settings/members/<uuid:user_id> /settings/members/<uuid:user_id>/removal": Role.ADMIN,
    "PATCH /api/v1/members/<uuid:user_id>": Role.ADMIN,
    "DELETE /api/v1/members/<uuid:user_id>": Role.ADMIN,
    "GET /settings/account": Role.VIEWER,
    "POST /settings/password": Role.VIEWER,
    "POST /settings/members/<uuid:user_id>/password-link "
    "/api/v1/members/<uuid:user_id>/password-link": Role.ADMIN,
    "GET /password": None,
    "POST /password": None,
    "POST /settings/organization /settings/invitations/<uuid:membership_id> "
    "/settings/invitations/<uuid:membership_id>/refusal": Role.VIEWER,
    "GET /setup /sign-in /health /health/ready /docs /redoc /openapi.json /favicon.ico": None,
    "POST /setup /sign-in /sign-out": None,
    "GET /api/v1/health /api/v1/health/ready": None,
    "GET /api/v1/agents /api/v1/agents/<agent_id> /api/v1/documents": Role.VIEWER,
    "GET /api/v1/documents/<uuid:document_id> /api/v1/tasks /api/v1/tasks/<task_id>": Role.VIEWER,
    "GET /api/v1/organization /api/v1/members /api/v1/api-keys": Role.VIEWER,
    "POST /api/v1/api-keys /api/v1/knowledge/search": Role.VIEWER,
    "DELETE /api/v1/api-keys/<uuid:key_id>": Role.VIEWER,
    "POST /api/v1/agents/<agent_id>/query /api/v1/agents/<agent_id>/query/stream": Role.MEMBER,
    "POST /api/v1/agents /api/v1/agents/<agent_id>/restore /api/v1/documents "
    "/api/v1/documents/upload": Role.ADMIN,
    "POST /api/v1/documents/import /api/v1/tasks/<task_id>/retry /api/v1/members": Role.ADMIN,
    "GET /taxonomies /taxonomies/<version> /taxonomies/<version>/compare "
    "/api/v1/taxonomies /api/v1/taxonomies/<version>/tree /api/v1/taxonomies/<version>/nodes "
    "/api/v1/taxonomies/<version>/compare/<other>": Role.VIEWER,
    "PATCH /api/v1/taxonomies/<version>/nodes/<uuid:node_id> "
    "/api/v1/documents/<uuid:document_id>": Role.ADMIN,
    "DELETE /api/v1/taxonomies/<version> /api/v1/taxonomies/<version>/nodes/<uuid:node_id> "
    "/api/v1/agents/<agent_id>/unanswered/<uuid:question_id>": Role.ADMIN,
    "GET /agents/<handle>/coverage /agents/<handle>/coverage/topics/<uuid:node_id> "
    "/documents/<uuid:document_id>/original "
    "/api/v1/documents/<uuid:document_id>/original /api/v1/agents/<agent_id>/coverage "
    "/api/v1/agents/<agent_id>/coverage/history /api/v1/agents/<agent_id>/gaps "
    "/api/v1/agents/<agent_id>/coverage/status/<task_id> "
    "/api/v1/agents/<agent_id>/unanswered": Role.VIEWER,
    "GET /documents/index": Role.VIEWER,
    "GET /documents/bulk": Role.ADMIN,
    "POST /documents/bulk /api/v1/documents/bulk /api/v1/documents/bulk/preview": Role.ADMIN,
    "GET /taxonomies/<version>/nodes/<uuid:node_id>": Role.ADMIN,
    "POST /taxonomies/<version>/nodes/<uuid:node_id> "
    "/taxonomies/<version>/nodes/<uuid:node_id>/deletion": Role.ADMIN,
    "POST /documents/index/check /documents/index/rebuild /documents/proposals/again "
    "/api/v1/knowledge/index/check /api/v1/knowledge/index/rebuild": Role.ADMIN,
    "POST /knowledge/extent /api/v1/knowledge/scope": Role.VIEWER,
    "GET /agents/<handle>/scope /agents/from-taxonomy/new": Role.ADMIN,
    "GET /settings/webhooks /settings/webhooks/<uuid:webhook_id> /api/v1/webhooks "
    "/api/v1/webhooks/events /api/v1/webhooks/deliveries "
    "/api/v1/webhooks/<uuid:webhook_id> "
    "/api/v1/webhooks/<uuid:webhook_id>/deliveries": Role.ADMIN,
    "POST /settings/webhooks /settings/webhooks/secret /settings/webhooks/secret/retirement "
    "/settings/webhooks/<uuid:webhook_id> /settings/webhooks/<uuid:webhook_id>/deletion "
    "/settings/webhooks/<uuid:webhook_id>/secret "
    "/settings/webhooks/<uuid:webhook_id>/secret/retirement "
    "/settings/webhooks/<uuid:webhook_id>/tests /api/v1/webhooks /api/v1/webhooks/secret "
    "/api/v1/webhooks/<uuid:webhook_id>/secret "
    "/api/v1/webhooks/<uuid:webhook_id>/test": Role.ADMIN,
    "PATCH /api/v1/webhooks/<uuid:webhook_id>": Role.ADMIN,
    "DELETE /api/v1/webhooks/<uuid:webhook_id> /api/v1/webhooks/secret/previous "
    "/api/v1/webhooks/<uuid:webhook_id>/secret/previous": Role.ADMIN,
    "POST /agents/<handle>/scope /agents/from-taxonomy/new /agents/<handle>/coverage "
    "/agents/<handle>/coverage/refresh "
    "/agents/<handle>/coverage/topics/<uuid:node_id> "
    "/agents/<handle>/coverage/unanswered/<uuid:question_id>/dismissal "
    "/documents/<uuid:document_id>/retrial /documents/<uuid:document_id>/topics "
    "/documents/proposals /api/v1/documents/proposals "
    "/api/v1/documents/<uuid:document_id>/retry /api/v1/agents/from-taxonomy "
    "/api/v1/agents/<agent_id>/coverage/refresh": Role.ADMIN,
    "PUT /api/v1/agents/<agent_id>/scope /api/v1/agents/<agent_id>/coverage/targets": Role.ADMIN,
    "GET /taxonomies/new /taxonomies/<version>/move": Role.ADMIN,
    "POST /taxonomies/<version>/move /taxonomies/<version>/move/preview "
    "/api/v1/taxonomies/<version>/moves /api/v1/taxonomies/<version>/moves/preview": Role.ADMIN,
    "POST /taxonomies /taxonomies/<version>/deletion /api/v1/taxonomies": Role.ADMIN,
    "GET /api/v1/agents/search /api/v1/agents/handoffs /api/v1/agents/<agent_id>/versions "
    "/api/v1/agents/<agent_id>/versions/<int:version> /api/v1/agents/<agent_id>/releases "
    "/api/v1/agents/<agent_id>/versions/<int:version>/diff/<other>": Role.VIEWER,
    "GET /api/v1/agents/export": Role.ADMIN,
    "POST /api/v1/agents/import /api/v1/agents/<agent_id>/duplicate "
    "/api/v1/agents/<agent_id>/clone /api/v1/agents/<agent_id>/releases/rollback "
    "/api/v1/agents/<agent_id>/versions/<int:version>/rollback "
    "/api/v1/agents/<agent_id>/versions/<int:version>/publish": Role.ADMIN,
    "PUT /api/v1/agents/<agent_id>": Role.ADMIN,
    "PATCH /api/v1/agents/<agent_id> /api/v1/agents/bulk "
    "/api/v1/agents/<agent_id>/releases/<semver>": Role.ADMIN,
    "DELETE /api/v1/agents/bulk": Role.ADMIN,
    "DELETE /api/v1/agents/<agent_id> /api/v1/documents/<uuid:document_id>": Role.ADMIN,
    "DELETE /api/v1/tasks/<task_id>": Role.ADMIN,
}
REVIEWED = {
    (methods, path): role
    for line, role in ROLES.items()
    for methods, paths in [line.split(" ", 1)]
    for path in paths.split()
}


def routes(app: APIFlask) -> dict[tuple[str, str], Permission | None]:
    return {
        (method, rule.rule): getattr(app.view_functions[rule.endpoint], "required_permission", None)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS") and not rule.endpoint.endswith("static")
    }


def test_every_route_is_in_the_reviewed_list_with_its_role(app: APIFlask) -> None:
    reviewed = {key: role for key, role in REVIEWED.items() if key[1] != "/styleguide"}
    roles = {key: needed and needed.role for key, needed in routes(app).items()}
    assert roles == reviewed


@pytest.fixture
def things(alice: Actor) -> dict[str, str]:
    """One of each thing of Alice's organization, by the name of its path argument."""
    task = tasks.start_task("document_import", title="t", input={}, actor=alice)
    db.session.commit()
    agent = make_agent(alice, handle="helper")
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [{"path": ["Tea"]}]})
    node = extend_taxonomy(body, actor=alice).nodes[0]
    ask_agent(agent.id, QueryRequest(query="Who repairs the lift?"), actor=alice)
    (question,) = list_unanswered(agent.id, actor=alice)
    return {
        "agent_id": str(agent.id),
        "node_id": str(node.node_id),
        "question_id": str(question.id),
        "handle": "helper",
        "document_id": str(make_document(alice).id),
        "task_id": task.id,
        "user_id": str(alice.user_id),
        "webhook_id": str(create_webhook("https://example.com/hook", actor=alice)[0].id),
        "version": "1",
        "other": "current",
        "semver": "1.0.0",
    }


def test_another_organization_sees_none_of_it(cast: Cast, things: dict[str, str]) -> None:
    api = cast.api("charlie")
    browser = cast.browser("charlie")
    tried = 0
    for (method, rule), role in REVIEWED.items():
        names = [part[1:-1].split(":")[-1] for part in rule.split("/") if part.startswith("<")]
        is_taxonomy = "/taxonomies/" in rule
        known = things | ({"version": "1.0.0", "other": "1.0.0"} if is_taxonomy else {})
        if not names or role is None or rule.startswith("/ws/") or names[0] not in things:
            continue
        path = "/".join(
            known[part[1:-1].split(":")[-1]] if part.startswith("<") else part
            for part in rule.split("/")
        )
        tried += 1
        if path.startswith("/api/v1"):
            body = _body(method, path)
            response = api.request(method, path.removeprefix("/api/v1"), body)
            assert response.status_code == 404, (method, path, response.text)
        elif method == "GET":
            browser.get(path, status=404)
        else:
            browser.post(path, status=404)
    assert tried > 15
    for path in ("/agents", "/documents", "/tasks"):
        assert api.get(path).json == []
    assert api.post("/knowledge/search", {"query": "tea"}).json["results"] == []


def _body(method: str, path: str) -> dict[str, object] | None:
    """A body of the right shape, so that nothing but the organization can be refused."""
    if "query" in path:
        return {"query": "tea"}
    if "/moves" in path:
        return {"start": "0.9.0"}
    if path.endswith("/scope"):
        return {"taxonomy_node_ids": []}
    if "/releases/1" in path:
        return {"status": "archived"}
    return None if method in ("GET", "DELETE") else {}


def test_each_role_reaches_what_the_list_says_and_nothing_more(
    cast: Cast, things: dict[str, str]
) -> None:
    clients = {None: cast.api(None), Role.VIEWER: cast.api("vera"), Role.MEMBER: cast.api("bob")}
    for (method, rule), needed in REVIEWED.items():
        if not rule.startswith("/api/v1") or needed is None:
            continue
        path = rule.removeprefix("/api/v1")
        for part in [part for part in path.split("/") if part.startswith("<")]:
            name = part[1:-1].split(":")[-1]
            path = path.replace(part, things.get(name, "00000000-0000-4000-8000-000000000000"))
        for role, api in clients.items():
            if role is None or not role.includes(needed):
                status = api.request(method, path, {} if method != "GET" else None).status_code
                assert status == (401 if role is None else 403), (method, path, role, status)


@pytest.mark.parametrize(
    "path",
    ["/", "/agents", "/agents/new", "/agents/handoffs", "/agents/import", "/documents",
     "/documents/new", "/search", "/tasks",
     "/taxonomies", "/taxonomies/new", "/settings/members", "/settings/api-keys",
     "/settings/account", "/settings/sessions", "/settings/webhooks", "/agents/from-taxonomy/new",
     "/documents/index", "/documents?proposed=true", "/documents?status=failed"],
)  # fmt: skip
def test_every_page_works_with_an_empty_database(cast: Cast, path: str) -> None:
    cast.browser("alice").get(path)


def test_pages_send_a_visitor_to_the_sign_in_page(cast: Cast) -> None:
    response = cast.app.test_client().get("/agents?q=x")
    assert response.status_code == 303
    assert response.location == "/sign-in?next=/agents?q%3Dx"
