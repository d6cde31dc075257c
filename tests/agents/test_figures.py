"""What features keep of agents beside their definitions: in the list, in JSON, in the ETag."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from apiflask import APIFlask
from pydantic import ValidationError
from sqlalchemy import func, select, update

from tests.browser import Browser
from tests.cast import Api, Cast
from tests.contract import Contract
from tests.factories import make_agent
from tests.statements import noted, plan_of
from webapp.agents import deletion, services
from webapp.agents.figures import AgentFigures, FiguresRow
from webapp.agents.models import Agent
from webapp.agents.schemas import AgentQuery
from webapp.core import narrowing
from webapp.core.actor import Actor
from webapp.core.added_fields import complete
from webapp.core.errors import Invalid, NotFound
from webapp.core.extensions import db
from webapp.core.feature import contributions
from webapp.core.live import Announcement
from webapp.core.live.feeds import Feed
from webapp.core.schemas import read
from webapp.coverage.figures import CoverageFilter
from webapp.coverage.models import AgentCoverage
from webapp.overview.samples import seed
from webapp.questions.models import AgentUsage
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

#: percent covered and questions of each agent, in the order of their names
FIGURES = {"a": (20.0, 4), "b": (0.0, 0), "c": (80.0, 4), "d": (20.0, 9)}


@pytest.fixture
def api(cast: Cast) -> Api:
    return cast.api("alice")


@pytest.fixture
def four(alice: Actor) -> dict[str, Agent]:
    agents = {handle: make_agent(alice, name=handle, handle=handle) for handle in FIGURES}
    for handle, (percent, queries) in FIGURES.items():
        give(agents[handle], AgentCoverage, coverage_percent=percent)
        give(agents[handle], AgentUsage, total_queries=queries)
    return agents


def give(agent: Agent, row: type[FiguresRow], **values: Any) -> None:
    db.session.execute(update(row).where(row.agent_id == agent.id).values(**values))
    db.session.commit()


def handles(api: Api, query: str) -> list[str]:
    return [agent["handle"] for agent in api.get(f"/agents?{query}").json]


def counted(row: type[FiguresRow]) -> int:
    return db.session.scalar(select(func.count()).select_from(row)) or 0


def test_every_agent_has_its_figures_however_it_was_made(api: Api, alice: Actor) -> None:
    topics = {"version": "9.0.0", "nodes": [{"path": ["Physics"]}]}
    taxonomies.extend_taxonomy(read(TaxonomyRequest, topics), actor=alice)
    [node_id] = taxonomies.find_paths("9.0.0", [["Physics"]], actor=alice)
    known = {"taxonomy_node_ids": [str(node_id)], "taxonomy_version": "9.0.0"}
    made = [
        api.post("/agents", {"name": "A", "instructions": "Help.", "handle": "a"}),
        api.post("/agents", {"id": "spawned", "system_prompt": "Help."}),
        api.post("/agents/a/duplicate"),
        api.post("/agents/a/clone"),
        api.post("/agents/import", [{"name": "B", "instructions": "Help."},
                                    {"name": "C", "instructions": "Help."}]),
        api.post("/agents/from-taxonomy", {"name": "D", **known}),
    ]  # fmt: skip
    assert {response.status_code for response in made} <= {200, 201}
    seed(alice)
    total = db.session.scalar(select(func.count()).select_from(Agent))
    kinds = contributions(AgentFigures)
    assert {kind.row for kind in kinds} == {AgentCoverage, AgentUsage}
    for kind in kinds:
        assert counted(kind.row) == total
        theirs = select(kind.row.agent_id).join(Agent, Agent.id == kind.row.agent_id)
        mine = theirs.where(kind.row.organization_id == Agent.organization_id)
        assert len(db.session.scalars(mine).all()) == total
    assert all(len(handles(api, f"sort={sort}")) == total for sort in ("total_queries", "name"))


def test_figures_stay_with_a_deleted_agent_and_go_with_a_removed_one(
    api: Api, alice: Actor, four: dict[str, Agent]
) -> None:
    deletion.delete_agent("c", actor=alice)
    assert handles(api, "sort=-coverage_percent") == [*by_id(four, "a", "d", is_down=True), "b"]
    assert handles(api, "sort=-coverage_percent&include_deleted=true")[0] == "c"
    deletion.restore_agent("c", actor=alice)
    assert api.get("/agents/c").json["coverage_percent"] == 80.0
    deletion.remove_agent("c", actor=alice)
    assert (counted(AgentCoverage), counted(AgentUsage)) == (3, 3)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("limit=4", 4), ("limit=3", 3), ("limit=3&offset=3", 1), ("limit=2&offset=2", 2),
        ("limit=2&offset=9", 0), ("q=no-such-thing", 0), ("min_coverage=0&sort=-total_queries", 4),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("four")
def test_the_total_is_that_of_all_pages(api: Api, page: str, shown: int) -> None:
    answer = api.get(f"/agents?{page}")
    total = "0" if page.startswith("q=") else "4"
    assert (len(answer.json), answer.headers["X-Total-Count"]) == (shown, total)


@pytest.mark.usefixtures("four")
def test_a_list_asks_once_for_all_figures_and_counts_where_it_must(api: Api) -> None:
    handles(api, "limit=2")  # notes that the key was used
    with noted() as first:
        handles(api, "limit=2")
    with noted() as second:
        handles(api, "limit=5")
    key, page, count, figures = first
    assert "FROM tallies" in count.text  # not a row of agents is counted
    assert [said.text for said in second] == [key.text, page.text, figures.text]
    if db.engine.dialect.name == "sqlite":
        assert not [step for step in plan_of(figures) if "SCAN agent_" in step]


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(("few", "many"), [(100, 5000), (2, 5000), (2, 2)])
def test_the_list_is_narrowed_by_figures_alike_for_few_and_many(
    api: Api, alice: Actor, monkeypatch: pytest.MonkeyPatch, few: int, many: int
) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    monkeypatch.setattr(narrowing, "MANY", many)
    make_agent(alice, handle="e", name="e")
    give(services.get_agent("e", actor=alice), AgentCoverage, coverage_percent=90.0)
    db.session.commit()
    deletion.delete_agent("e", actor=alice)

    def listed(query: str) -> tuple[str, str]:
        answer = api.get(f"/agents?min_coverage=10&{query}")
        return "".join(item["handle"] for item in answer.json), answer.headers["X-Total-Count"]

    assert listed("sort=name") == ("acd", "3")
    assert listed("limit=2") == ("dc", "3")
    assert listed("sort=-name&limit=2&offset=2") == ("a", "3")
    assert listed("sort=-coverage_percent&limit=1") == ("c", "3")
    assert listed("sort=-total_queries&limit=1") == ("d", "3")
    assert listed("sort=-total_queries&limit=1&q=c") == ("c", "1")
    assert listed("sort=-coverage_percent&limit=1&include_deleted=true") == ("e", "4")
    assert listed("sort=name&status=published") == ("", "0")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("sort", ["name", "-created_at", "coverage_percent", "-total_queries"])
def test_sqlite_reads_no_more_than_a_page_of_many_narrowed_by_figures(
    api: Api, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what a table holds")
    monkeypatch.setattr(narrowing, "FEW", 1)
    monkeypatch.setattr(narrowing, "MANY", 1)
    with noted() as statements:
        handles(api, f"min_coverage=10&limit=2&sort={sort}")
    plans = [
        plan_of(said)
        for said in statements
        if "min_coverage" in said.text or "coverage_percent >=" in said.text
    ]
    _, page, count = plans
    found = page[: page.index("SCAN anon_1")]
    # In the order of an index, each looked up among those that match, which are not all gathered.
    assert not [step for step in found if "TEMP B-TREE" in step]
    assert "COVERING INDEX" in found[1]
    assert [step for step in found if step.startswith("CORRELATED")]
    assert not [step for step in count if "TEMP B-TREE" in step]
    assert "SEARCH agent_coverage USING COVERING INDEX" in count[0]


@pytest.mark.usefixtures("four")
def test_deleted_agents_leave_no_gap_in_an_order_of_figures(api: Api, alice: Actor) -> None:
    deletion.delete_agent("d", actor=alice)
    pages = [handles(api, f"sort=-total_queries&limit=1&offset={at}") for at in range(4)]
    assert (sorted(pages[0] + pages[1]), pages[2:]) == (["a", "c"], [["b"], []])


@pytest.fixture
def c_goes(alice: Actor, app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agent c is removed for good when agents have been read and their figures have not."""

    def remove() -> None:
        with app.app_context(), suppress(NotFound):
            deletion.remove_agent("c", actor=alice)

    def between(read: Callable[..., Any]) -> Callable[..., Any]:
        def read_and_wait(*arguments: Any, **options: Any) -> Any:
            found = read(*arguments, **options)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(remove).result()
            return found

        return read_and_wait

    # Removing an agent reads it too, by the name that it has there.
    monkeypatch.setattr(deletion, "get_agent", services.get_agent)
    for name in ("list_agents", "search_agents", "get_agent"):
        monkeypatch.setattr(services, name, between(getattr(services, name)))


@pytest.mark.parametrize("path", ["/agents", "/agents/search"])
@pytest.mark.usefixtures("four", "c_goes")
def test_an_agent_that_goes_meanwhile_takes_no_other_out_of_the_list(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 200
    listed = answer.json if path == "/agents" else answer.json["agents"]
    assert {agent["handle"] for agent in listed} == {"a", "b", "d"}


@pytest.mark.usefixtures("four", "c_goes")
def test_nor_out_of_the_page(browser: Browser) -> None:
    page = browser.get("/agents")
    assert {node.text().strip() for node in page.css("#agents .row-title")} == {"a", "b", "d"}


@pytest.mark.parametrize("path", ["/api/v1/agents/c", "/agents/c", "/agents/c/coverage"])
@pytest.mark.usefixtures("four", "c_goes")
def test_it_is_not_found_itself(browser: Browser, path: str) -> None:
    browser.get(path, status=404)


@pytest.mark.usefixtures("four", "c_goes")
def test_nor_by_who_follows_its_figures(alice: Actor) -> None:
    (feed,) = (feed for feed in contributions(Feed) if feed.kind == "figures")
    with pytest.raises(NotFound):
        feed.draw("c", alice)


def test_a_copy_begins_without_the_figures_of_the_first(api: Api, four: dict[str, Agent]) -> None:
    copy = api.post("/agents/c/duplicate").json
    assert (copy["coverage_percent"], copy["total_queries"], copy["revision"]) == (0.0, 0, 1)


def by_id(agents: dict[str, Agent], *names: str, is_down: bool = False) -> list[str]:
    return sorted(names, key=lambda name: str(agents[name].id), reverse=is_down)


def test_the_list_is_sorted_by_figures_and_where_they_are_alike_by_id(
    api: Api, cast: Cast, four: dict[str, Agent]
) -> None:
    make_agent(cast.actor("charlie"), handle="a")
    alike = by_id(four, "a", "d")
    assert handles(api, "sort=coverage_percent") == ["b", *alike, "c"]
    assert handles(api, "sort=-coverage_percent") == ["c", *reversed(alike), "b"]
    asked = by_id(four, "a", "c")
    assert handles(api, "sort=total_queries") == ["b", *asked, "d"]
    assert handles(api, "sort=-total_queries&limit=2&offset=1") == [*reversed(asked)]
    assert handles(api, "sort=-total_queries&q=c") == ["c"]


def test_the_list_is_narrowed_by_figures(api: Api, cast: Cast, four: dict[str, Agent]) -> None:
    make_agent(cast.actor("charlie"), handle="e")
    assert handles(api, "min_coverage=20&sort=name") == ["a", "c", "d"]
    assert handles(api, "min_coverage=0&sort=-total_queries")[0] == "d"
    assert handles(api, "min_coverage=20.01") == ["c"]
    assert handles(api, "min_coverage=20&sort=-coverage_percent&limit=1&offset=0") == ["c"]
    response = api.get("/agents?min_coverage=20&limit=1")
    assert response.headers["X-Total-Count"] == "3"
    assert "min_coverage=20" in response.headers["Link"]
    exported = api.get("/agents/export?min_coverage=50").json
    assert [agent["handle"] for agent in exported] == ["c"]


def test_many_are_changed_by_a_filter_of_figures(api: Api, four: dict[str, Agent]) -> None:
    body = {"filter": {"min_coverage": 20}, "changes": {"voice": "v"}}
    assert api.request("PATCH", "/agents/bulk", body).json["matched"] == 3
    assert {agent["handle"] for agent in api.get("/agents").json if agent["voice"]} == {
        "a", "c", "d",
    }  # fmt: skip
    wrong = api.request("PATCH", "/agents/bulk", body | {"filter": {"min_cover": 20}})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "filter.min_cover")
    high = api.request("PATCH", "/agents/bulk", body | {"filter": {"min_coverage": 101}})
    assert high.json["errors"][0]["field"] == "filter.min_coverage"


@pytest.mark.parametrize("sort", ["scope_id", "--name", "", "total_documents", "coverage_percent;"])
def test_other_words_are_no_order(api: Api, sort: str) -> None:
    refused = api.get(f"/agents?sort={sort}")
    assert refused.status_code == 422
    assert refused.json["errors"] == [
        {
            "field": "sort",
            "code": "string_pattern_mismatch",
            "message": "Must be one of name, created_at, updated_at, total_queries, "
            "coverage_percent; a minus before it turns the order round",
        }
    ]


def test_a_question_is_told_by_the_etag_and_makes_no_version(api: Api) -> None:
    api.post("/agents", {"name": "A", "instructions": "Help.", "handle": "a"})
    known = api.get("/agents/a")
    assert (known.headers["ETag"], known.json["revision"]) == ('"v1-1"', 1)
    api.post("/agents/a/query", {"query": "What is tea?"})
    again = api.get("/agents/a", headers={"If-None-Match": '"v1-1"'})
    assert (again.status_code, again.headers["ETag"]) == (200, '"v1-2"')
    assert (again.json["total_queries"], again.json["revision"]) == (1, 2)
    assert db.session.scalar(select(Agent.revision)) == 1
    saved = api.put("/agents/a", {"voice": "v"}, headers={"If-Match": '"v1-1"'})
    assert (saved.status_code, saved.headers["ETag"]) == (200, '"v2-3"')
    stale = api.put("/agents/a", {"voice": "w"}, headers={"If-Match": '"v1-1"'})
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"v2-3"')


@pytest.mark.once
def test_the_document_has_what_features_add(app: APIFlask) -> None:
    document = Contract.of(app).document
    schemas = document["components"]["schemas"]
    agent = schemas["AgentResponse"]
    added = {"coverage_percent", "last_coverage_update", "total_queries", "last_query_at", "level"}
    assert added <= set(agent["properties"])
    assert set(agent["required"]) == set(agent["properties"])
    assert agent.get("additionalProperties") is not True
    answers = schemas["AgentSearchResponse"]["properties"]["agents"]
    assert answers["items"] == {"$ref": "#/components/schemas/AgentResponse"}
    listing = document["paths"]["/api/v1/agents"]["get"]
    parameters = {item["name"]: item for item in listing["parameters"]}
    assert parameters["min_coverage"]["description"] == "Percent"
    assert parameters["sort"]["schema"]["pattern"] == (
        "^-?(name|created_at|updated_at|total_queries|coverage_percent)$"
    )
    assert "min_coverage" in schemas["AgentStrictFilter"]["properties"]


@pytest.mark.parametrize(
    "make",
    [
        lambda values: AgentQuery(**values),
        lambda values: AgentQuery.model_validate(values),
        lambda values: read(AgentQuery, values),
    ],
    ids=["made", "validated", "read"],
)
def test_a_filter_has_what_features_add_however_it_is_made(
    alice: Actor, four: dict[str, Agent], make: Callable[[dict[str, Any]], AgentQuery]
) -> None:
    query = make({"min_coverage": 50, "limit": 10})
    page = services.list_agents(query, actor=alice)
    assert [agent.handle for agent in page.items] == ["c"]
    assert (query.limit, query.is_filtered, page.total) == (10, True, 1)
    with pytest.raises((ValidationError, Invalid), match="less than or equal to 100"):
        make({"min_coverage": 101})


def test_schemas_are_completed_for_an_application_once(app: APIFlask, alice: Actor) -> None:
    schema = complete(AgentQuery)
    assert schema is complete(AgentQuery)
    assert issubclass(schema, AgentQuery) and issubclass(schema, CoverageFilter)
    assert "min_coverage" not in AgentQuery.model_fields
    assert complete(schema) is schema
    query = read(AgentQuery, {"min_coverage": 5})
    assert (query.is_filtered, "min_coverage" in query.filter_names) == (True, True)
    assert not read(AgentQuery, {"sort": "name", "include_deleted": True}).is_filtered
    assert services.list_agents(query, actor=alice).total == 0


def test_an_overview_learns_of_each_question_and_each_measurement(
    browser: Browser, alice: Actor, api: Api
) -> None:
    agent_id = api.post("/agents", {"name": "A", "instructions": "Help.", "handle": "a"}).json["id"]
    (feed,) = (feed for feed in contributions(Feed) if feed.kind == "figures")

    def shown() -> str | None:
        revision = browser.get("/agents/a").css_first("#figures-revision")
        value = revision.attributes["data-revision"]
        assert f'data-revision="{value}"' in feed.draw(agent_id, alice)
        return value

    known = shown()
    for change in (
        lambda: api.post("/agents/a/query", {"query": "What is tea?"}),
        lambda: api.post("/agents/a/coverage/refresh?background=false"),
    ):
        last = db.session.scalar(select(func.max(Announcement.id))) or 0
        change()
        told = set(db.session.scalars(select(Announcement.feed).where(Announcement.id > last)))
        assert f"figures:{agent_id}" in told
        before, known = known, shown()
        assert known != before
