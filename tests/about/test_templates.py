"""The templates, read as files: what they name is there, and their lines can be read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask import url_for
from jinja2 import meta, nodes
from jinja2.runtime import Macro
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import PASSWORD, Cast, Client
from webapp import create_app, styleguide
from webapp.config import Settings
from webapp.core.web import Components

TEMPLATES = Path(__file__).parents[2] / "templates"
LONGEST_LINE = 120
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_names_only_templates_and_components_that_exist(
    app: APIFlask, name: str
) -> None:
    tree = app.jinja_env.parse((TEMPLATES / name).read_text())
    for other in meta.find_referenced_templates(tree):
        assert other is None or other in NAMES, f"There is no {other}."
    for attribute in tree.find_all(nodes.Getattr):
        if isinstance(attribute.node, nodes.Name) and attribute.node.name == "ui":
            assert callable(getattr(app.jinja_env.globals["ui"], attribute.attr))


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_template_is_too_long_to_be_read(name: str) -> None:
    for number, line in enumerate((TEMPLATES / name).read_text().splitlines(), 1):
        assert len(line) <= LONGEST_LINE, f"{name}:{number} has {len(line)} characters."


@pytest.mark.parametrize("name", NAMES)
def test_no_template_holds_the_marks_of_a_merge_that_was_never_finished(name: str) -> None:
    assert not re.search(r"<{7} |>{7} |^\s*={7}$", (TEMPLATES / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_no_template_has_a_percentage_of_its_own(name: str) -> None:
    assert not re.search(r"\}\} %(?!\})| %%", (TEMPLATES / name).read_text())


@pytest.mark.parametrize("name", NAMES)
def test_whatever_cannot_be_used_names_the_reason_on_the_page(name: str) -> None:
    source = re.sub(r"\{%.*?%\}", "", (TEMPLATES / name).read_text(), flags=re.DOTALL)
    for tag in re.findall(r"<(?:button|input|select|textarea)\b[^>]*\sdisabled\b[^>]*", source):
        # A topic that is in by another has that for its label.
        assert "aria-describedby=" in tag or name == "taxonomies/_branch.html", tag


def test_a_page_links_every_style_sheet_there_is(browser: Browser) -> None:
    static = TEMPLATES.parent / "static"
    links = browser.get("/tasks").css("link[rel=stylesheet]")
    paths = {(link.attributes["href"] or "").split("/", 4)[-1] for link in links}
    assert paths == {path.relative_to(static).as_posix() for path in static.glob("css/**/*.css")}


def test_a_component_is_a_macro_in_a_file_of_its_own(app: APIFlask) -> None:
    for path in (TEMPLATES / "components").glob("[!_]*.html"):
        tree = app.jinja_env.parse(path.read_text())
        assert [macro.name for macro in tree.find_all(nodes.Macro)] == [path.stem]


def test_an_upgrade_reaches_browsers_that_keep_files_for_an_hour(app: APIFlask) -> None:
    with app.test_request_context():
        script = url_for("static", filename="js/frame.js")
        vendored = url_for("static", filename="vendor/htmx-4.0.1.min.js")
    # In the path and not behind it: what a script imports by "./" is of the same version.
    assert re.fullmatch(r"/static/at/[0-9a-f]{12}/js/frame.js", script)
    assert vendored == "/static/vendor/htmx-4.0.1.min.js"  # its name has its version
    assert app.test_client().get(script).status_code == 200


def test_a_file_under_another_version_than_its_own_is_not_kept(app: APIFlask) -> None:
    with app.test_request_context():
        script = url_for("static", filename="js/frame.js")
    client = app.test_client()
    assert "max-age=3600" in client.get(script).headers["Cache-Control"]
    # As in the midst of an upgrade: the page is of another process than the one asked now.
    answer = client.get("/static/at/0123456789ab/js/frame.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert client.get("/static/at/0123456789ab/js/none.js").headers["Cache-Control"] == "no-store"
    assert client.get("/static/at/0123456789ab/../config.py").status_code == 404


def test_the_style_guide_draws_every_part_in_both_themes(cast: Cast, settings: Settings) -> None:
    app = create_app(settings)
    styleguide.init_app(app)
    app.test_client_class = Client
    browser = Browser(app.test_client())
    browser.sign_in("alice@example.com", PASSWORD)
    # It stands in no section, which the browser of the tests would find fault with.
    answer = browser.client.get("/styleguide")
    assert answer.status_code == 200
    page = LexborHTMLParser(answer.text)
    assert page.css("script[src$='/js/graph.js']")
    ids = [node.id for node in page.css(".graph [id]")]
    assert len(ids) == len(set(ids)) == 2
    panes = page.css(".pane")
    assert [pane.attributes["data-theme"] for pane in panes] == ["light", "dark"]
    for pane in panes:
        assert pane.css_first(".result .score .value").text() == "0.861"
        chosen = pane.css_first("form.filters option[selected]")
        assert words_of(chosen) == "Ready to go"
        assert pane.css(".graph .arrow")
        # A tip has the colours of the pane that its own arrows are in.
        [tip] = pane.css(".graph marker")
        tips = {arrow.attributes["marker-end"] for arrow in pane.css(".graph .arrow")}
        assert tips == {f"url(#{tip.id})"}
        assert pane.css(".map rect")


def test_the_style_guide_draws_every_component_there_is(cast: Cast, settings: Settings) -> None:
    drawn = set()

    class Watched(Components):
        def __getattr__(self, name: str) -> Macro:
            drawn.add(name)
            return super().__getattr__(name)

    app = create_app(settings)
    app.jinja_env.globals["ui"] = Watched(app.jinja_env)
    styleguide.init_app(app)
    app.test_client_class = Client
    browser = Browser(app.test_client())
    browser.sign_in("alice@example.com", PASSWORD)
    assert browser.client.get("/styleguide").status_code == 200
    assert drawn == {path.stem for path in (TEMPLATES / "components").glob("[!_]*.html")}


@pytest.mark.parametrize("name", NAMES)
def test_a_question_names_the_thing_and_its_buttons_say_what_they_do(
    app: APIFlask, name: str
) -> None:
    for call in app.jinja_env.parse((TEMPLATES / name).read_text()).find_all(nodes.Call):
        asked = call.node
        if not (isinstance(asked, nodes.Getattr) and asked.attr == "confirm"):
            continue
        title, verb, *_ = (said_by(argument) for argument in call.args)
        assert title.endswith("?")
        assert not re.match(r"(?i)yes|no\b|ok$|confirm$|cancel|delete$|remove$|go on", verb), verb
        # "Cancel" is the other button, and must not read as the deed.
        assert "ancel" not in title
        options = {option.key: said_by(option.value) for option in call.kwargs}
        if options.get("tone", "danger") == "danger":
            assert options.get("keep", "Cancel") != "Cancel", title


def test_a_moment_is_said_in_one_way_and_without_fractions(app: APIFlask) -> None:
    moment = datetime(2026, 3, 10, 12, 5, 7, 123456, tzinfo=UTC)
    with app.test_request_context():
        time = LexborHTMLParser(str(app.jinja_env.globals["ui"].ago(moment))).css_first("time")
    # Until a script says it in the reader's own zone.
    assert time.attributes["title"] == "2026-03-10 12:05 UTC"
    for name in NAMES:
        source = (TEMPLATES / name).read_text()
        assert "<time" not in source or name == "components/ago.html", name
        assert not re.search(r"_at(\.isoformat\(\))? *\}\}", source), name


def said_by(expression: nodes.Node) -> str:
    """The words of an expression, "…" for what is only known when it is drawn."""
    if isinstance(expression, nodes.Const):
        return str(expression.value)
    if isinstance(expression, nodes.Concat):
        return "".join(said_by(part) for part in expression.nodes)
    if isinstance(expression, nodes.Filter) and expression.node is not None:
        return said_by(expression.node)
    return "…?"
