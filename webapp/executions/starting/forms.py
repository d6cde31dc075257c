"""The form of a run, made from what an agent's input_schema says it takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import Field, SelectField, StringField, TextAreaField
from wtforms import ValidationError as Refused
from wtforms.fields.choices import Choice

from webapp.core.errors import DomainError, Invalid
from webapp.core.forms import Form
from webapp.core.schemas import from_json
from webapp.executions.schemas import MAX_PROMPT

#: properties that have a field; an input with more is written as JSON
MAX_FIELDS = 60
#: characters of a text that has a line
MAX_LINE = 120
#: texts that are long, by the usual names of their properties
LONG = frozenset({"prompt", "text", "question", "message", "content", "body", "query", "request"})


class RunForm(Form):
    """The fields of one input; `PROPERTIES` has the property of each by the field's name."""

    PROPERTIES: Mapping[str, str] = {}

    def to_input(self) -> dict[str, Any]:
        """What the fields say; what is left empty is left out."""
        given: dict[str, Any] = {}
        for name, key in self.PROPERTIES.items():
            value = self[name].data
            if value is None or value == "":
                continue
            if not key:
                return dict(value)
            given[key] = value
        return given

    def put(self, error: DomainError) -> None:
        """Put a refusal at the fields of the properties that it names, else on the whole form."""
        names = {key: name for name, key in self.PROPERTIES.items()}
        for item in error.errors or [{"field": "", "message": error.page_message}]:
            root, _, path = item["field"].partition(".")
            key, _, rest = path.partition(".")
            name = names.get(key if key in names else "") if root == "input" else None
            message = f"{rest}: {item['message']}" if rest and name else item["message"]
            if name:
                self[name].errors = [*self[name].errors, message]
            else:
                self.form_errors.append(message)


class ChoiceField(SelectField):
    """One of an enum's values, which need not be texts: each is sent as JSON."""

    def __init__(self, label: str, values: Sequence[Any], is_needed: bool, **options: Any) -> None:
        words = {True: "yes", False: "no"}
        choices = [
            (json.dumps(value), str(words.get(value, value) if isinstance(value, bool) else value))
            for value in values
        ]
        if not is_needed or options.get("default") in (None, "null"):
            choices.insert(0, ("", "–"))
        super().__init__(label, choices=choices, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.sent = valuelist[0] if valuelist else ""
        if self.sent and self.sent not in [key for key, _ in self.choices]:
            raise ValueError("This is none of the values.")
        self.data = json.loads(self.sent) if self.sent else None

    def iter_choices(self) -> Any:
        chosen = getattr(self, "sent", None)
        shown = json.dumps(self.data) if chosen is None and self.data is not None else chosen or ""
        for key, label in self.choices:
            yield Choice(value=key, label=label, selected=key == shown, render_kw={})

    def pre_validate(self, form: Any) -> None:
        """Was looked at when it was read."""


class NumberField(StringField):
    """A number; what is none stays as it was typed."""

    def __init__(self, label: str, *, is_whole: bool, **options: Any) -> None:
        self.is_whole = is_whole
        super().__init__(label, **options)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            self.data = int(text) if self.is_whole else float(text.replace(",", "."))
        except ValueError as error:
            kind = "a whole number" if self.is_whole else "a number"
            raise ValueError(f"This must be {kind}.") from error
        if isinstance(self.data, float):
            if not math.isfinite(self.data):
                raise ValueError("This must be a number.")
            self.data = int(self.data) if self.data.is_integer() else self.data


class AnyJsonField(TextAreaField):
    """Any value, written as JSON; where it cannot be read it says in which line."""

    def __init__(self, label: str, *, kind: str, **options: Any) -> None:
        self.kind = kind
        super().__init__(label, **options)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else json.dumps(self.data, indent=2, ensure_ascii=False)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            self.data = from_json(text)
        except Invalid as error:
            raise ValueError(error.message) from error
        except ValueError as error:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError(f"This is not JSON{where}.") from error
        if self.kind == "object" and not isinstance(self.data, dict):
            raise ValueError("This must be a JSON object, in curly brackets.")
        if self.kind == "array" and not isinstance(self.data, list):
            raise ValueError("This must be a JSON list, in square brackets.")


def form_class(schema: dict[str, Any] | None) -> type[RunForm]:
    """The form for an input: one prompt where there is no schema, JSON where it has no fields."""
    if not schema:
        asked = TextAreaField("Prompt", [_needed], render_kw={"rows": 4, "maxlength": MAX_PROMPT})
        return _make({"field-0": ("prompt", asked)})
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not 0 < len(properties) <= MAX_FIELDS:
        whole = AnyJsonField("Input", kind="object", description="An object, as JSON.",
                             validators=[_needed], render_kw=_JSON)  # fmt: skip
        return _make({"field-0": ("", whole)})
    required = schema.get("required")
    needed = set(required) if isinstance(required, list) else set()
    return _make(
        {
            f"field-{number}": (
                key,
                _field(key, part if isinstance(part, dict) else {}, key in needed),
            )
            for number, (key, part) in enumerate(properties.items())
        }
    )


_JSON = {"rows": 4, "spellcheck": "false", "class": "code"}


def _make(fields: dict[str, tuple[str, Field]]) -> type[RunForm]:
    members: dict[str, Any] = {name: field for name, (_key, field) in fields.items()}
    members["PROPERTIES"] = {name: key for name, (key, _field) in fields.items()}
    return type("InputForm", (RunForm,), members)


def _field(key: str, schema: dict[str, Any], is_needed: bool) -> Field:
    """The field of one property."""
    title = schema.get("title")
    label = title if isinstance(title, str) and title else key
    options: dict[str, Any] = {
        "description": _description(schema),
        "default": schema.get("default"),
        "validators": [_needed] if is_needed else [],
    }
    values, kind = schema.get("enum"), schema.get("type")
    label = label if is_needed else f"{label} (optional)"
    if isinstance(values, list) and values:
        return ChoiceField(label, values, is_needed, **options)
    if kind == "boolean":
        return ChoiceField(label, [True, False], is_needed, **options)
    if kind in ("integer", "number"):
        look = {"inputmode": "numeric" if kind == "integer" else "decimal"}
        return NumberField(label, is_whole=kind == "integer", render_kw=look, **options)
    if kind == "string":
        return _text_field(key, label, schema, options)
    return AnyJsonField(label, kind=str(kind), render_kw=_JSON, **options)


def _text_field(key: str, label: str, schema: dict[str, Any], options: dict[str, Any]) -> Field:
    longest = schema.get("maxLength")
    is_long = longest > MAX_LINE if isinstance(longest, int) else key.lower() in LONG
    if is_long:
        return TextAreaField(label, render_kw={"rows": 4}, **options)
    look = {"type": "date"} if schema.get("format") == "date" else {}
    return StringField(label, render_kw=look, **options)


def _description(schema: dict[str, Any]) -> str:
    """What the schema says of a property, and what it holds it to."""
    said = schema.get("description")
    bounds = [
        f"{words} {schema[name]}"
        for name, words in (("minimum", "from"), ("maximum", "up to"))
        if isinstance(schema.get(name), int | float)
    ]
    kind = schema.get("type")
    shape = (
        "As JSON." if kind in ("array", "object") or (kind is None and "enum" not in schema) else ""
    )
    parts = [said if isinstance(said, str) else "", " ".join(bounds).capitalize(), shape]
    return " ".join(
        part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part
    )


def _needed(_form: Form, field: Field) -> None:
    if (field.data is None or field.data == "") and not field.errors:
        raise Refused("This is needed.")
