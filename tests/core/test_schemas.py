"""The shape of texts in requests, and how a refusal tells it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

import webapp
from webapp.core.errors import Invalid
from webapp.core.schemas import RequestModel, Shaped, read, read_text

Plate = Annotated[
    str, Field(max_length=9, examples=["KA-12"]), Shaped(r"^[A-Z]+-\d+$", "letters, - and digits")
]


class Car(RequestModel):
    plate: Plate | None = None
    others: list[Plate] = []


@pytest.mark.usefixtures("cast")
def test_a_text_of_the_shape_is_taken() -> None:
    assert read(Car, {"plate": "KA-12", "others": ["B-1"]}).others == ["B-1"]
    assert read_text(Car, {"plate": "KA-12"}).plate == "KA-12"


@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize("plate", ["KA 12", "KA-12\n", "KA-١", " KA-12", "ka-12", ""])
def test_a_text_of_another_shape_is_refused_in_words(plate: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(Car, {"plate": plate, "others": [plate]})
    message = "Must be letters, - and digits"
    assert refusal.value.errors == [
        {"field": field, "message": message, "code": "string_pattern_mismatch"}
        for field in ("plate", "others.0")
    ]
    assert refusal.value.message == f"plate: {message}; others.0: {message}"
    assert "[A-Z]" not in str(refusal.value)


def test_the_document_of_the_api_has_the_pattern_and_the_length() -> None:
    [plate, _] = Car.model_json_schema()["properties"]["plate"]["anyOf"]
    assert plate == {
        "type": "string", "maxLength": 9, "examples": ["KA-12"], "pattern": r"^[A-Z]+-\d+$",
    }  # fmt: skip


def test_no_schema_has_a_pattern_that_a_refusal_would_show() -> None:
    folder = Path(webapp.__file__).parent
    texts = {path: path.read_text() for path in folder.rglob("*.py") if path.name != "config.py"}
    assert not {str(path) for path, text in texts.items() if re.search(r"\bpattern=", text)} - {
        # what the API's document says of the order of a list
        str(folder / "agents" / "figures.py")
    }
