"""Every route, every role, and another organization."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from tests.cast import PASSWORD, Cast
from tests.core.test_permissions import ROLES
from tests.factories import make_agent, make_document
from webapp.accounts.keys import create_key
from webapp.accounts.organizations import set_logo
from webapp.accounts.sessions import list_sessions
from webapp.catalog.schemas import ModelRequest
from webapp.catalog.services import create_model
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.executions.schemas import ExecuteRequest
from webapp.executions.services import execute_agent
from webapp.questions.schemas import QueryRequest
from webapp.questions.services import ask_agent
from webapp.questions.unanswered.services import list_unanswered
from webapp.tasks.changes import start_task
from webapp.taxonomies.schemas import TaxonomyRequest
from webapp.taxonomies.services import extend_taxonomy
from webapp.views.services import save_view
from webapp.webhooks.services import create_webhook, send_test

# The reviewed list: who may use what. None is everybody. A new route is added here on purpose.
PERMISSIONS = {
    "GET /docs /favicon.ico /health /health/ready /join /openapi.json /password /redoc /setup "
    "/sign-in /api/v1/health /api/v1/health/ready": None,
    "POST /join /password /setup /sign-in /sign-out": None,
    "GET / /palette /settings /settings/members /styleguide /ws/live /api/v1/members "
    "/api/v1/organization": "organization:read",
    "GET /audit /audit/export /api/v1/audit /api/v1/audit/export": "audit:read",
    "POST /first-steps/dismissal": "organization:write",
    "POST /first-steps/samples": "agents:write",
    "POST /first-steps/text": "knowledge:write",
    "GET /settings/organization /settings/organization/logos/<digest>": "organization:read",
    "POST /settings/organization /settings/organization/logo "
    "/settings/organization/logo/removal": "organization:write",
    "GET /settings/profile /settings/api-keys /api/v1/api-keys": "account:read",
    "POST /settings/api-keys /settings/api-keys/<uuid:key_id>/revocation "
    "/settings/profile /settings/profile/invitations/<uuid:membership_id> "
    "/settings/profile/invitations/<uuid:membership_id>/refusal /settings/profile/organization "
    "/settings/profile/password /settings/profile/theme /settings/sessions/revocation "
    "/settings/sessions/<uuid:session_id>/revocation /api/v1/api-keys": "account:write",
    "DELETE /api/v1/api-keys/<uuid:key_id>": "account:write",
    "POST /settings/members /settings/members/<uuid:user_id> "
    "/settings/members/<uuid:user_id>/invitation /settings/members/<uuid:user_id>/password-link "
    "/settings/members/<uuid:user_id>/removal "
    "/api/v1/members /api/v1/members/<uuid:user_id>/password-link": "members:write",
    "PATCH /api/v1/members/<uuid:user_id>": "members:write",
    "DELETE /api/v1/members/<uuid:user_id>": "members:write",
    "GET /settings/webhooks /settings/webhooks/<uuid:webhook_id> /api/v1/webhooks "
    "/api/v1/webhooks/<uuid:webhook_id> /api/v1/webhooks/<uuid:webhook_id>/deliveries "
    "/api/v1/webhooks/deliveries /api/v1/webhooks/events": "webhooks:read",
    "POST /settings/webhooks /settings/webhooks/<uuid:webhook_id> "
    "/settings/webhooks/<uuid:webhook_id>/deletion /settings/webhooks/<uuid:webhook_id>/secret "
    "/settings/webhooks/<uuid:webhook_id>/secret/retirement "
    "/settings/webhooks/<uuid:webhook_id>/tests /settings/webhooks/secret "
    "/settings/webhooks/messages/<uuid:delivery_id>/again "
    "/api/v1/webhooks/deliveries/<uuid:delivery_id>/resend "
    "/settings/webhooks/secret/retirement /api/v1/webhooks "
    "/api/v1/webhooks/<uuid:webhook_id>/secret /api/v1/webhooks/<uuid:webhook_id>/test "
    "/api/v1/webhooks/secret": "webhooks:write",
    "PATCH /api/v1/webhooks/<uuid:webhook_id>": "webhooks:write",
    "GET /models /models/<model_id> /api/v1/models /api/v1/models/<model_id>": "models:read",
    "GET /models/new": "models:write",
    "POST /models /models/<model_id> /models/<model_id>/default /models/<model_id>/deletion "
    "/models/<model_id>/tests /api/v1/models /api/v1/models/<model_id>/test": "models:write",
    "PATCH /api/v1/models/<model_id>": "models:write",
    "PUT /api/v1/models/<model_id>": "models:write",
    "DELETE /api/v1/models/<model_id>": "models:write",
    "DELETE /api/v1/webhooks/<uuid:webhook_id> /api/v1/webhooks/<uuid:webhook_id>/secret/previous "
    "/api/v1/webhooks/secret/previous": "webhooks:write",
    "GET /agents /agents/<handle> /agents/<handle>/releases /agents/<handle>/versions "
    "/agents/<handle>/versions/<int:version> /agents/<handle>/versions/compare /agents/handoffs "
    "/agents/search/handoffs /agents/search/tools "
    "/api/v1/agents /api/v1/agents/<agent_id> /api/v1/agents/<agent_id>/releases "
    "/api/v1/agents/<agent_id>/versions /api/v1/agents/<agent_id>/versions/<int:version> "
    "/api/v1/agents/<agent_id>/versions/<int:version>/diff/<other> /api/v1/agents/handoffs "
    "/api/v1/agents/search": "agents:read",
    "POST /agents/preview": "agents:read",
    "GET /executions /executions/compare "
    "/executions/<uuid:execution_id> /executions/<uuid:execution_id>/log "
    "/executions/<uuid:execution_id>/output /agents/<handle>/executions "
    "/api/v1/executions /api/v1/executions/metrics /api/v1/executions/retention "
    "/api/v1/executions/<uuid:execution_id> "
    "/api/v1/executions/<uuid:execution_id>/logs /api/v1/executions/<uuid:execution_id>/stream "
    "/ws/executions/<execution_id>": "executions:read",
    "GET /executions/bulk /agents/<handle>/run": "executions:run",
    "POST /executions/bulk /executions/<uuid:execution_id>/cancellation "
    "/executions/<uuid:execution_id>/retrial /agents/<handle>/run "
    "/api/v1/agents/<agent_id>/execute /api/v1/executions "
    "/api/v1/executions/bulk/cancel /api/v1/executions/bulk/retry "
    "/api/v1/executions/<uuid:execution_id>/cancel "
    "/api/v1/executions/<uuid:execution_id>/retry": "executions:run",
    "GET /agents/<handle>/edit /agents/<handle>/releases/new /agents/<handle>/removal "
    "/agents/<handle>/scope /agents/<handle>/settings /agents/bulk /agents/export "
    "/agents/from-taxonomy/new /agents/import /agents/new /api/v1/agents/export": "agents:write",
    "POST /agents /agents/<handle> /agents/<handle>/copies /agents/<handle>/coverage "
    "/agents/<handle>/deletion /agents/<handle>/pause /agents/<handle>/releases "
    "/agents/<handle>/releases/<semver>/deployments /agents/<handle>/releases/<semver>/status "
    "/agents/<handle>/releases/rollback /agents/<handle>/removal /agents/<handle>/restoration "
    "/agents/<handle>/scope /agents/<handle>/versions/<int:version>/rollback /agents/bulk "
    "/agents/bulk/restoration "
    "/agents/from-taxonomy/new /agents/import /api/v1/agents /api/v1/agents/<agent_id>/clone "
    "/api/v1/agents/<agent_id>/duplicate /api/v1/agents/<agent_id>/releases/rollback "
    "/api/v1/agents/<agent_id>/restore /api/v1/agents/<agent_id>/versions/<int:version>/publish "
    "/api/v1/agents/<agent_id>/versions/<int:version>/rollback /api/v1/agents/from-taxonomy "
    "/api/v1/agents/import": "agents:write",
    "PUT /api/v1/agents/<agent_id> /api/v1/agents/<agent_id>/scope": "agents:write",
    "PATCH /api/v1/agents/<agent_id> /api/v1/agents/<agent_id>/releases/<semver> "
    "/api/v1/agents/bulk": "agents:write",
    "DELETE /api/v1/agents/<agent_id> /api/v1/agents/bulk": "agents:write",
    "GET /agents/<handle>/ask /ws/ask/<agent_id> /ws/query/<agent_id>": "executions:run",
    "POST /agents/<handle>/ask /api/v1/agents/<agent_id>/query "
    "/api/v1/agents/<agent_id>/query/stream": "executions:run",
    "GET /views/chips": "views:write",
    "POST /views /views/<uuid:view_id> /views/<uuid:view_id>/deletion "
    "/views/<uuid:view_id>/filters": "views:write",
    "GET /tasks /tasks/<task_id> /api/v1/tasks /api/v1/tasks/<task_id>": "tasks:read",
    "POST /tasks/<task_id>/cancellation /tasks/<task_id>/retrial "
    "/api/v1/tasks/<task_id>/retry": "tasks:write",
    "DELETE /api/v1/tasks/<task_id>": "tasks:write",
    "GET /agents/<handle>/coverage /agents/<handle>/coverage/topics/<uuid:node_id> /documents "
    "/documents/<uuid:document_id> /documents/<uuid:document_id>/original /documents/index "
    "/search /taxonomies /taxonomies/<version> /taxonomies/<version>/compare "
    "/taxonomies/<version>/file /taxonomies/topics "
    "/api/v1/agents/<agent_id>/coverage /api/v1/agents/<agent_id>/coverage/history "
    "/api/v1/agents/<agent_id>/coverage/status/<task_id> /api/v1/agents/<agent_id>/gaps "
    "/api/v1/agents/<agent_id>/unanswered /api/v1/documents /api/v1/documents/<uuid:document_id> "
    "/api/v1/documents/<uuid:document_id>/original /api/v1/taxonomies "
    "/api/v1/taxonomies/<version>/compare/<other> /api/v1/taxonomies/<version>/nodes "
    "/api/v1/taxonomies/<version>/tree": "knowledge:read",
    "POST /knowledge/extent /api/v1/knowledge/scope /api/v1/knowledge/search": "knowledge:read",
    "GET /documents/bulk /documents/deleted /documents/new /api/v1/documents/deleted "
    "/taxonomies/<version>/move "
    "/taxonomies/<version>/nodes/<uuid:node_id> /taxonomies/new": "knowledge:write",
    "POST /agents/<handle>/coverage/refresh /agents/<handle>/coverage/topics/<uuid:node_id> "
    "/agents/<handle>/coverage/unanswered/<uuid:question_id>/dismissal /documents "
    "/documents/<uuid:document_id>/deletion /documents/<uuid:document_id>/retrial "
    "/documents/<uuid:document_id>/removal /documents/<uuid:document_id>/restoration "
    "/documents/<uuid:document_id>/topics /documents/bulk /documents/deleted/restorations "
    "/documents/index/check /documents/index/rebuild /documents/proposals "
    "/documents/proposals/again /documents/uploads "
    "/taxonomies /taxonomies/<version>/deletion /taxonomies/<version>/move "
    "/taxonomies/<version>/move/preview /taxonomies/<version>/nodes/<uuid:node_id> "
    "/taxonomies/<version>/nodes/<uuid:node_id>/deletion "
    "/api/v1/agents/<agent_id>/coverage/refresh /api/v1/documents "
    "/api/v1/documents/<uuid:document_id>/restore /api/v1/documents/<uuid:document_id>/retry "
    "/api/v1/documents/bulk "
    "/api/v1/documents/bulk/preview /api/v1/documents/import /api/v1/documents/proposals "
    "/api/v1/documents/upload /api/v1/knowledge/index/check /api/v1/knowledge/index/rebuild "
    "/api/v1/taxonomies /api/v1/taxonomies/<version>/moves "
    "/api/v1/taxonomies/<version>/moves/preview": "knowledge:write",
    "PUT /api/v1/agents/<agent_id>/coverage/targets": "knowledge:write",
    "PUT /api/v1/executions/retention": "organization:write",
    "PATCH /api/v1/documents/<uuid:document_id> "
    "/api/v1/taxonomies/<version>/nodes/<uuid:node_id>": "knowledge:write",
    "DELETE /api/v1/agents/<agent_id>/unanswered/<uuid:question_id> "
    "/api/v1/documents/<uuid:document_id> /api/v1/taxonomies/<version> "
    "/api/v1/taxonomies/<version>/nodes/<uuid:node_id>": "knowledge:write",
}
PICTURE = b"\x89PNG\r\n\x1a\n"
REVIEWED = {
    (methods, path): permission
    for line, permission in PERMISSIONS.items()
    for methods, paths in [line.split(" ", 1)]
    for path in paths.split()
}
#: the lowest role that holds a permission; what everybody may needs none
LOWEST = {permission: role for role, names in ROLES.items() for permission in names}


def routes(app: APIFlask) -> dict[tuple[str, str], str | None]:
    needed = {
        (method, rule.rule): getattr(app.view_functions[rule.endpoint], "required_permission", None)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS") and not rule.endpoint.endswith("static")
    }
    return {route: permission and str(permission) for route, permission in needed.items()}


def test_every_route_is_in_the_reviewed_list_with_its_permission(app: APIFlask) -> None:
    assert routes(app) == {key: name for key, name in REVIEWED.items() if key[1] != "/styleguide"}


@pytest.fixture
def things(cast: Cast, alice: Actor) -> dict[str, str]:
    """One of each thing of Alice's organization, by the name of its path argument."""
    task = start_task("document_import", title="t", input={}, actor=alice)
    db.session.commit()
    agent = make_agent(alice, handle="helper")
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [{"path": ["Tea"]}]})
    node = extend_taxonomy(body, actor=alice).nodes[0]
    ask_agent(agent.id, QueryRequest(query="Who repairs the lift?"), actor=alice)
    (question,) = list_unanswered(agent.id, actor=alice)
    execution = execute_agent(agent.id, ExecuteRequest(input="Mine"), actor=alice)
    cast.browser("alice")
    webhook, _ = create_webhook("https://example.com/hook", actor=alice)
    local = {"provider": "openai-compatible", "model": "llama3.2", "base_url": "http://127.0.0.1:1"}
    model = create_model(ModelRequest.model_validate(local), actor=alice)
    return {
        "agent_id": str(agent.id),
        "node_id": str(node.node_id),
        "question_id": str(question.id),
        "view_id": str(save_view("agents", "Mine", "q=tea", is_shared=True, actor=alice).id),
        "handle": "helper",
        "document_id": str(make_document(alice).id),
        "task_id": task.id,
        "user_id": str(alice.user_id),
        "digest": str(set_logo(PICTURE, actor=alice).logo_digest),
        "key_id": str(create_key("Mine", actor=alice)[0].id),
        "membership_id": str(cast.member("bob").id),
        "session_id": str(list_sessions(actor=alice)[0].id),
        "execution_id": str(execution.id),
        "webhook_id": str(webhook.id),
        "model_id": str(model.id),
        "delivery_id": str(send_test(webhook.id, actor=alice).id),
        "version": "1",
        "other": "current",
        "semver": "1.0.0",
    }


def test_another_organization_sees_none_of_it(cast: Cast, things: dict[str, str]) -> None:
    api = cast.api("charlie")
    browser = cast.browser("charlie")
    tried = 0
    for (method, rule), permission in REVIEWED.items():
        names = [part[1:-1].split(":")[-1] for part in rule.split("/") if part.startswith("<")]
        is_taxonomy = "/taxonomies/" in rule
        known = things | ({"version": "1.0.0", "other": "1.0.0"} if is_taxonomy else {})
        if not names or permission is None or rule.startswith("/ws/"):
            continue
        assert known.keys() >= set(names), f"{rule}: `things` has none of these."
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
            browser.post(path, {"password": PASSWORD}, status=404)
    assert tried > 15
    for path in ("/agents", "/documents", "/tasks"):
        assert api.get(path).json == []
    assert api.post("/knowledge/search", {"query": "tea"}).json["results"] == []


def test_topics_of_others_are_not_there_where_all_other_names_are_the_same(
    cast: Cast, things: dict[str, str], charlie: Actor
) -> None:
    """Charlie has a version, an agent and a topic of her own, and asks for Alice's topic."""
    make_agent(charlie, handle="helper")
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [{"path": ["Coffee"]}]})
    own = extend_taxonomy(body, actor=charlie).nodes[0]
    api, browser = cast.api("charlie"), cast.browser("charlie")
    assert api.get("/taxonomies/1.0.0/nodes").json[0]["node_id"] == str(own.node_id)
    tried = 0
    for method, rule in REVIEWED:
        if "<uuid:node_id>" not in rule:
            continue
        tried += 1
        path = rule.replace("<version>", "1.0.0").replace("<handle>", "helper")
        path = path.replace("<uuid:node_id>", things["node_id"])
        form = {"label": "Mine", "target": "1"}
        if path.startswith("/api/v1"):
            answer = api.request(method, path.removeprefix("/api/v1"), _body(method, path))
            assert answer.status_code == 404, (method, path, answer.text)
        elif method == "GET":
            browser.get(path, status=404)
        else:
            browser.post(path, form, status=404)
    assert tried == 7


def _body(method: str, path: str) -> dict[str, object] | None:
    """A body of the right shape, so that nothing but the organization can be refused."""
    if "query" in path:
        return {"query": "tea"}
    if path.endswith("/execute"):
        return {"input": "tea"}
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
    for (method, rule), permission in REVIEWED.items():
        if not rule.startswith("/api/v1") or permission is None:
            continue
        path = _path(rule, things).removeprefix("/api/v1")
        for role, api in clients.items():
            if role is None or not role.includes(LOWEST[permission]):
                status = api.request(method, path, {} if method != "GET" else None).status_code
                assert status == (401 if role is None else 403), (method, path, role, status)


def test_each_role_is_refused_the_pages_that_the_list_does_not_give_it(
    cast: Cast, things: dict[str, str]
) -> None:
    browsers = {Role.VIEWER: cast.browser("vera"), Role.MEMBER: cast.browser("bob")}
    tokens = {role: {"csrf_token": browser.csrf_token()} for role, browser in browsers.items()}
    tried = 0
    for (method, rule), permission in REVIEWED.items():
        if rule.startswith(("/api/v1", "/ws/")) or permission is None:
            continue
        for role, browser in browsers.items():
            if not role.includes(LOWEST[permission]):
                path = _path(rule, things)
                refused = browser.client.open(path, method=method, data=tokens[role])
                assert refused.status_code == 403, (method, path, role)
                assert f"This needs the role {LOWEST[permission]}, for {permission}" in refused.text
                tried += 1
    assert tried > 100


def _path(rule: str, things: dict[str, str]) -> str:
    for part in [part for part in rule.split("/") if part.startswith("<")]:
        name = part[1:-1].split(":")[-1]
        rule = rule.replace(part, things.get(name, "00000000-0000-4000-8000-000000000000"))
    return rule


@pytest.mark.parametrize(
    "path",
    ["/", "/agents", "/agents/new", "/agents/handoffs", "/agents/import", "/documents",
     "/documents/new", "/search", "/tasks",
     "/taxonomies", "/taxonomies/new", "/settings/members", "/settings/api-keys",
     "/settings/profile", "/settings/organization", "/settings/webhooks", "/models", "/models/new",
     "/agents/from-taxonomy/new",
     "/documents/index", "/documents?proposed=true", "/documents?status=failed"],
)  # fmt: skip
def test_every_page_works_with_an_empty_database(cast: Cast, path: str) -> None:
    cast.browser("alice").get(path)


def test_pages_send_a_visitor_to_the_sign_in_page(cast: Cast) -> None:
    response = cast.app.test_client().get("/agents?q=x")
    assert response.status_code == 303
    assert response.location == "/sign-in?next=/agents?q%3Dx"
