"""What is refused lands on the form: on its field, on another that shows it, or on the whole."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from apiflask import APIFlask
from pydantic import Field
from wtforms import StringField

from tests.browser import Browser
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.forms import Form
from webapp.core.schemas import RequestModel, read


class TeaForm(Form):
    name = StringField("Name")
    topics = StringField("Topics")


class TeaRequest(RequestModel):
    name: str = Field(min_length=2)
    degrees: int


@pytest.fixture
def form(app: APIFlask) -> TeaForm:
    with app.test_request_context():
        return TeaForm(formdata=None)


def test_a_refusal_goes_to_the_field_it_names(form: TeaForm) -> None:
    with form.refusing():
        raise Conflict("The name Tea is taken.", field="name")
    assert form.name.errors == ["The name Tea is taken."]
    assert form.form_errors == []


def test_it_goes_where_the_form_shows_such_things(form: TeaForm) -> None:
    with form.refusing("name", nodes="topics"):
        raise Invalid("There is no topic Tea.", field="nodes.0")
    with form.refusing("name", nodes="topics"):
        raise Conflict("It is steeping.")
    assert form.topics.errors == ["There is no topic Tea."]
    assert form.name.errors == ["It is steeping."]


def test_else_it_is_about_the_form_as_a_whole(form: TeaForm) -> None:
    with form.refusing():
        raise Conflict("It is steeping.")
    assert form.form_errors == ["It is steeping."]


def test_every_finding_of_a_schema_has_its_place(form: TeaForm) -> None:
    with form.refusing():
        TeaRequest(name="T", degrees="hot")  # type: ignore[arg-type]  # what a form may hold
    assert form.name.errors == ["String should have at least 2 characters"]
    assert form.form_errors == ["degrees: Input should be a valid integer"]


def test_a_schema_that_is_read_refuses_like_a_service(form: TeaForm) -> None:
    with pytest.raises(Invalid, match=r"name: String should .* degrees: Field required") as refused:
        read(TeaRequest, {"name": "T"})
    assert [error["field"] for error in refused.value.errors] == ["name", "degrees"]


def test_what_is_not_there_is_no_matter_of_the_form(form: TeaForm) -> None:
    with pytest.raises(NotFound), form.refusing():
        raise NotFound("Tea not found: 7")


def test_what_follows_a_refusal_in_the_block_is_left_out(form: TeaForm) -> None:
    done = []
    with form.refusing():
        done.append("asked")
        raise Conflict("It is steeping.")
        done.append("poured")
    assert done == ["asked"]


@pytest.mark.parametrize(
    ("path", "form", "sentence"),
    [
        (
            "/settings/profile/password",
            {"current": b"x", "password": "y"},
            "The field current takes text.",
        ),
        ("/agents", {"name": "Tea", "top_k": b"1"}, "The field top_k takes text."),
        ("/agents/import", {"file": "agents.json"}, "The field file takes a file."),
    ],
)
def test_a_file_is_no_text_and_a_text_is_no_file(
    browser: Browser, path: str, form: dict[str, Any], sentence: str
) -> None:
    sent = {
        name: (BytesIO(value), "a.txt") if isinstance(value, bytes) else value
        for name, value in form.items()
    }
    page = browser.post(path, sent)
    assert sentence in page.body.text()
