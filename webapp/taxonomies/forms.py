"""Forms of taxonomies, and choosing topics in the forms of others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import url_for
from wtforms import Field, FileField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp

from webapp.core.errors import Invalid
from webapp.core.forms import Form
from webapp.core.schemas import from_json
from webapp.core.security import current_actor
from webapp.core.web import component
from webapp.taxonomies.browsing import name_topics
from webapp.taxonomies.lines import read_lines
from webapp.taxonomies.schemas import MAX_NODES, VERSION, TaxonomyRequest

#: a topic as requests name it
Reference = UUID | list[str]


class TopicsField(Field):
    """Topics: `data` has their public ids and the paths that were typed.

    Typed, they stand as `Physics > Heat; Cooking`: with scripts or without. `version` is the
    taxonomy's that is offered, else the highest; with `is_single`, one topic at most.
    """

    data: list[Reference]

    def __init__(self, label: str, *, is_single: bool = False, **options: Any) -> None:
        super().__init__(label, **options)
        self.is_single = is_single
        self.version: str | None = None

    def process_data(self, value: list[Reference] | None) -> None:
        self.data = list(value or [])

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = read_topics(str(value) for value in valuelist)

    def widget(self, field: TopicsField, **attributes: Any) -> str:
        """The topic picker with what is chosen, and what was typed and could not be."""
        return draw_picker(
            field.name,
            field.data,
            id=field.id,
            version=field.version,
            is_single=field.is_single,
            attributes=attributes,
        )


def draw_picker(name: str, chosen: Iterable[Reference], **options: Any) -> str:
    """The component `topic_picker`, with these topics chosen."""
    chosen = list(chosen)
    ids = [item for item in chosen if isinstance(item, UUID)]
    typed = "; ".join(" > ".join(item) for item in chosen if not isinstance(item, UUID))
    topics = name_topics(ids, actor=current_actor())
    attributes = {key: value for key, value in options.pop("attributes", {}).items() if value}
    url = url_for("taxonomies.find", version=options.pop("version", None))
    return component("topic_picker")(
        name, url, topics, typed=typed, attributes=attributes, **options
    )


def read_topics(values: Iterable[str]) -> list[Reference]:
    """What a topic picker sent, each once: an id is a topic, anything else is paths."""
    found: list[Reference] = []
    for value in values:
        try:
            found.append(UUID(value.strip()))
        except ValueError:
            found += [path for topic in value.split(";") if (path := read_path(topic))]
    return [item for at, item in enumerate(found) if item not in found[:at]]


def read_path(text: str) -> list[str]:
    """`Physics > Heat` as labels; empty where there is no word in it."""
    labels = [part.strip() for part in text.split(">")]
    return labels if any(labels) else []


#: how a text begins that is JSON
_JSON = ("{", "[")


class TaxonomyForm(Form):
    """A version and its nodes, as CSV (a path in each line) or as the API's JSON."""

    version = StringField(
        "Version",
        description="Three numbers. Topics are added to a version that is there already. Agents "
        "and documents choose from the highest version, and its topics are proposed.",
        validators=[
            DataRequired(),
            Length(max=32),
            Regexp(VERSION, message="A version is three numbers, like 1.0.0."),
        ],
    )
    file = FileField("File", render_kw={"accept": ".csv,.txt,.json"})
    content = TextAreaField(
        "Or the paths",
        description="One path a line, from the top down: Physics > Aerodynamics, or cells of CSV.",
        render_kw={"rows": 10, "spellcheck": "false"},
    )

    @property
    def source(self) -> str:
        """The field that the topics come from."""
        return "file" if self.file.data and self.file.data.filename else "content"

    @property
    def is_json(self) -> bool:
        """Whether the text box has JSON rather than paths."""
        return (self.content.data or "").lstrip().startswith(_JSON)

    def to_body(self) -> tuple[TaxonomyRequest, str]:
        """What the form says, and its line that only names the levels, if it has one.

        Raises Invalid where that cannot be read, with the line.
        """
        text = self._text()
        version = (self.version.data or "").strip()
        if text.lstrip().startswith(_JSON):
            try:
                data = from_json(text)
            except ValueError as error:
                raise Invalid(
                    "This is not JSON that can be read. What begins with a bracket is read as "
                    "JSON; lines of paths cannot stand beside it."
                ) from error
            given: dict[str, Any] = data if isinstance(data, dict) else {"nodes": data}
            return TaxonomyRequest.model_validate(given | {"version": version}), ""
        lines = read_lines(text)
        nodes = [{"path": path} for path in lines.paths]
        if not nodes:
            raise Invalid("There is no topic in this.")
        if len(nodes) > MAX_NODES:
            raise Invalid(f"There are {len(nodes):,} topics; {MAX_NODES:,} are read at once.")
        return TaxonomyRequest.model_validate({"version": version, "nodes": nodes}), lines.header

    def _text(self) -> str:
        if self.source == "file":
            try:
                return str(self.file.data.stream.read().decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                raise Invalid(
                    "The file is not UTF-8 text. In Excel, save it as “CSV UTF-8”."
                ) from error
        text = self.content.data or ""
        if not text.strip():
            raise Invalid("Choose a file, or write some paths.", field="content")
        return text


class NodeForm(Form):
    """One topic: its name, its target, and where it hangs."""

    label = StringField("Name", validators=[DataRequired(), Length(max=255)])
    target_documents = IntegerField(
        "Documents wanted",
        description="Left empty, 10; an agent may have its own number.",
        validators=[Optional(), NumberRange(0, 1_000_000)],
    )
    parents = TopicsField(
        "Parent topics", description="Choose another to move it; with none it is at the top."
    )
