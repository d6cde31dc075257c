"""The shape of the code: who imports whom, what may stand where."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from apiflask import APIFlask

from webapp import FEATURES
from webapp.agents.figures import AgentFigures
from webapp.agents.models import Agent
from webapp.agents.switches import AgentSwitch
from webapp.core.extensions import db
from webapp.core.feature import Feature, contributions
from webapp.core.live.feeds import Feed
from webapp.core.live.logs import Log
from webapp.core.navigation import Section

ROOT = Path(__file__).parents[2]
WEBAPP = ROOT / "webapp"
FILES = sorted(WEBAPP.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def package(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "webapp" and len(parts) > 1 else None


def test_every_package_that_is_a_feature_is_in_features() -> None:
    packages = WEBAPP.glob("*/__init__.py")
    assert {path.parent.name for path in packages if "FEATURE = " in path.read_text()} == set(
        FEATURES
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_feature_imports_only_what_stands_above_it(path: Path) -> None:
    mine = path.relative_to(WEBAPP).parts[0]
    theirs = {package(name) for name in imports(path)} & set(FEATURES)
    if mine in ("core", "engine", "index"):
        assert not theirs
    elif mine in FEATURES:
        below = set(FEATURES[FEATURES.index(mine) + 1 :])
        assert not theirs & below


#: what of a feature faces the web: requests, forms, addresses, HTML
EDGE = (
    "__init__", "actions", "pages", "api", "forms", "live", "cli", "tabs", "palette", "navigation",
    "health", "identity", "noting",
)  # fmt: skip
#: what of core does
WEB = ("api", "forms", "http.afterwards", "http.bodies", "http.conditional", "http.problems",
       "http.refusals", "http.returning", "http.server", "navigation", "openapi", "security",
       "web")  # fmt: skip


def is_below_the_edge(path: Path) -> bool:
    is_edge = path.stem in EDGE or path.parent.name in EDGE
    return path.relative_to(WEBAPP).parts[0] in FEATURES and not is_edge


#: 'agents.show', "task:…" and "coverage/_result.html", as code and templates name them
NAMES = re.compile(r"""["'](?:(\w+\.\w+)["']|(\w+):[\w*{~"' ]|(\w+)/[\w/]+\.html["'])""")
#: what looks like a feed's name and is a right
RIGHT = re.compile(r'Permission\("[\w:]+"')


def owners(app: APIFlask) -> dict[str, str]:
    """The feature of each page and each kind of feed; a feed named like a feature is its own."""
    found = {}
    for name in FEATURES:
        feature: Feature = import_module(f"webapp.{name}").FEATURE
        blueprints = {blueprint.name for blueprint in feature.blueprints}
        found |= {at: name for at in app.view_functions if at.split(".")[0] in blueprints}
        kinds = [item.kind for item in feature.contributions if isinstance(item, Feed | Log)]
        found |= {f"{kind}:": kind if kind in FEATURES else name for kind in kinds}
    return found


@pytest.mark.once
def test_nothing_names_a_page_a_feed_or_a_template_of_a_feature_below_its_own(
    app: APIFlask,
) -> None:
    known = owners(app)
    assert {"agents.show", "task:", "coverage:"} <= known.keys()
    found = set()
    for path in [*FILES, *sorted((ROOT / "templates").rglob("*.html"))]:
        place = path.relative_to(ROOT).parts[1]
        rank = FEATURES.index(place) if place in FEATURES else -1
        for page, kind, folder in NAMES.findall(RIGHT.sub("", path.read_text())):
            owner = known.get(page or f"{kind}:") or (folder if folder in FEATURES else None)
            if owner is not None and FEATURES.index(owner) > rank:
                found.add(f"{path.relative_to(ROOT)} names {owner}")
    assert found == set()


@pytest.mark.once
def test_what_pages_follow_and_the_icons_of_the_sidebar_are_there(app: APIFlask) -> None:
    kinds = {item.kind for kind in (Feed, Log) for item in contributions(kind, app)}
    templates = "\n".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    followed = {
        kind
        for feeds in re.findall(r"set feeds = (\[.*?\])", templates, re.S)
        for kind in re.findall(r'"(\w+):', feeds)
    }
    assert len(followed) > 5
    assert followed <= kinds
    icons = (ROOT / "templates/components/_icons.html").read_text()
    symbols = set(re.findall(r'<symbol id="icon-(\w+)"', icons))
    assert {section.icon for section in contributions(Section, app)} <= symbols


def columns() -> dict[str, str]:
    """The package whose tables have a column, the uppermost one, for names of several words."""
    order = ["core", "engine", "index", *FEATURES]
    found: dict[str, str] = {}
    for mapper in db.Model.registry.mappers:
        place = package(mapper.class_.__module__) or ""
        for name in mapper.local_table.columns.keys():  # noqa: SIM118 - not its iterator
            known = found.get(name, place)
            if "_" in name:
                found[name] = min(place, known, key=order.index)
    return found


def names_in(path: Path) -> tuple[set[str], set[str]]:
    """The names that a file uses, its strings' words included, and those that it gives."""
    used, given = set(), set()
    if path.suffix == ".html":
        return set(re.findall(r"\w+", path.read_text())), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            used.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update(re.findall(r"\w+", node.value))
        elif isinstance(node, ast.FunctionDef):
            given.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            given.add(node.target.id)
    return used, given


@pytest.mark.once
@pytest.mark.usefixtures("app")
def test_nothing_names_a_column_of_a_feature_below_its_own() -> None:
    owner = columns()
    assert {"coverage_percent", "webhook_url", "heading_path"} <= owner.keys()
    places = ["core", "index", *FEATURES]
    given: set[str] = set()
    found = set()
    for rank, place in enumerate(places):
        below = set(places[rank + 1 :])
        files = [*(WEBAPP / place).rglob("*.py"), *(ROOT / "templates" / place).rglob("*.html")]
        read = {path: names_in(path) for path in files}
        # A name that stands here too, as an actor's `user_id`, may be used from here on.
        given.update(*(own for _, own in read.values()))
        for path, (used, _) in read.items() if place != "core" else ():
            found |= {
                f"{path.relative_to(ROOT)} names {name} of {owner[name]}"
                for name in used - given
                if owner.get(name) in below
            }
    assert found == set()


#: words of features below, which the feature that defines agents could want to say
BELOW_AGENTS = r"coverage|covered|question|usage"


@pytest.mark.once
def test_agents_say_no_word_of_what_is_measured_and_counted_of_them(app: APIFlask) -> None:
    kinds, switches = contributions(AgentFigures, app), contributions(AgentSwitch, app)
    columns = {name for kind in kinds for name in kind.fields.model_fields}
    assert {"coverage_percent", "total_queries"} <= columns
    assert not columns & set(Agent.__table__.columns.keys())
    words = "|".join([BELOW_AGENTS, *columns, *(switch.name for switch in switches)])
    files = [*(WEBAPP / "agents").rglob("*.py"), *(ROOT / "templates/agents").rglob("*.html")]
    assert len(files) > 40
    found = {
        f"{path.relative_to(ROOT)} says {word}"
        for path in files
        for word in re.findall(words, path.read_text(), re.IGNORECASE)
    }
    assert found == set()


@pytest.mark.parametrize(
    "path", [path for path in FILES if is_below_the_edge(path)],
    ids=lambda path: str(path.relative_to(ROOT)),
)  # fmt: skip
def test_what_is_below_pages_and_apis_knows_no_request(path: Path) -> None:
    names = set(imports(path))
    assert not {name.split(".")[0] for name in names} & {
        "flask", "wtforms", "flask_wtf", "apiflask", "flask_limiter"
    }  # fmt: skip
    web = {f"webapp.core.{name}" for name in WEB}
    assert not {name for name in names for other in web if f"{name}.".startswith(f"{other}.")}
    own = {name for name in names if package(name) in FEATURES}
    assert not {name for name in own if name.split(".")[-1] in {"pages", "api", "forms"}}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if {path.stem, path.parent.name} & {"pages", "api"}],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_pages_and_apis_commit_nothing(path: Path) -> None:
    text = path.read_text()
    assert "session.commit" not in text
    assert "session.add" not in text


#: what a transaction that somebody commits is made of
WRITES = re.compile(r"session\.(?:add|add_all|delete|flush|execute\((?:delete|insert|update))\(")
#: functions of services that join another's transaction, and why they stand there all the same
JOINING = {
    "audit/services.py record": "all that the feature is for others",
    "tasks/services.py forget_tasks": "a retention, whose sweep commits",
}


def test_services_own_a_transaction_and_changes_join_one() -> None:
    services = [path for path in FILES if path.name == "services.py"]
    changes = [path for path in FILES if path.name == "changes.py"]
    assert len(services) > 10 and len(changes) > 5
    assert [str(path) for path in changes if "session.commit" in path.read_text()] == []
    found = set()
    for path in services:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                text = ast.unparse(node)
                joins = WRITES.search(text) and "session.commit" not in text
                if joins or "caller commits" in text:
                    found.add(f"{path.relative_to(WEBAPP)} {node.name}")
    assert found - JOINING.keys() == set()


def test_no_module_gathers_for_all_applications_of_a_process() -> None:
    """What features bring is kept by an application: no module begins with an empty list for it."""
    empty = {"[]", "{}", "set()", "list()", "dict()"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        if ast.unparse(node.value) in empty
    ]
    assert found == []


def test_what_gathers_changes_into_one_job_is_a_change_of_others_transactions() -> None:
    names = {
        path.name
        for path in FILES
        if "enqueue_debounced(" in path.read_text() and "engine" not in path.relative_to(ROOT).parts
    }
    assert names == {"changes.py"}


def test_only_the_engine_knows_dbos() -> None:
    outside = [path for path in FILES if "engine" not in path.relative_to(ROOT).parts]
    assert not [path for path in outside if any(n.split(".")[0] == "dbos" for n in imports(path))]


@pytest.mark.once
def test_no_feature_holds_more_than_a_third_of_the_code() -> None:
    lines = Counter[str]()
    for path in FILES:
        lines[path.relative_to(WEBAPP).parts[0]] += len(path.read_text().splitlines())
    assert [name for name, count in lines.items() if count > lines.total() / 3] == []
