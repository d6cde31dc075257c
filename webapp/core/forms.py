"""The base of every HTML form: WTForms checks the shape, a service checks the meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_wtf import FlaskForm
from pydantic import ValidationError
from werkzeug.datastructures import FileStorage
from wtforms import Field, FileField, MultipleFileField, TextAreaField
from wtforms import ValidationError as FieldRefused

from webapp.core.errors import DomainError, Invalid, NotFound, validation_errors
from webapp.core.schemas import from_json
from webapp.core.signals import refused


class Form(FlaskForm):
    """A form with its CSRF token, which can also carry a service's refusal."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: Any) -> Any:
            field = super().bind_field(form, unbound_field, options)
            field.validators = [_is_text, *field.validators]
            return field

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            given = super().wrap_formdata(form, formdata)
            if given:
                _refuse_other_kinds(form, given)
            return given

    @property
    def faulty_fields(self) -> list[Field]:
        """The fields with something wrong that a person can mend, as they stand on the page."""
        return [field for field in self if field.errors and field.type != "CSRFTokenField"]

    @contextmanager
    def refusing(self, default: str | None = None, **fields: str) -> Iterator[None]:
        """Put what is refused in this block on the form, and go on after it.

        It goes to the field that the refusal names (or to the one that `fields` gives for that
        name), else to the field `default`, else to the form as a whole. What is not there
        (NotFound) is no matter of the form and leaves it.
        """
        try:
            yield
        except NotFound:
            raise
        except DomainError as error:
            self.reject(error, default, **fields)
        except ValidationError as error:
            for item in validation_errors(error)[:5]:
                self._put(item, default, fields)

    def reject(self, error: DomainError, default: str | None = None, **fields: str) -> None:
        """Put a service's refusal on the field it names, or on the form as a whole."""
        refused.send(error=error)
        item = {"field": error.field or "", "message": error.page_message, "code": "value_error"}
        self._put(item, default, fields)

    def _put(self, item: dict[str, str], default: str | None, fields: dict[str, str]) -> None:
        name = item["field"].split(".")[0]
        field = self._fields.get(fields.get(name, name))
        message = item["message"]
        if field is None:
            # Our sentences name what they are about; pydantic's need the field's name in front.
            message = message if item["code"] == "value_error" else f"{item['field']}: {message}"
            field = self._fields.get(default or "")
        if field is None:
            self.form_errors.append(message)
        else:
            field.errors = [*field.errors, message]


class JsonField(TextAreaField):
    """An object written as JSON; empty is None. What cannot be read says where."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return json.dumps(self.data, indent=2, ensure_ascii=False) if self.data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            data = from_json(text)
        except ValueError as error:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError(f"This is not JSON{where}.") from error
        if not isinstance(data, dict):
            raise ValueError("This must be a JSON object, in curly brackets.")
        self.data = data


def _refuse_other_kinds(form: Form, given: Any) -> None:
    """A file where a text is asked for, or the other way round, comes from no page of ours."""
    for name, field in form._fields.items():
        wants_file = isinstance(field, FileField | MultipleFileField)
        for item in given.getlist(name):
            if item != "" and isinstance(item, FileStorage) != wants_file:
                kind = "a file" if wants_file else "text"
                raise Invalid(f"The field {name} takes {kind}.", field=name)


def _is_text(_form: Any, field: Field) -> None:
    """NUL and lone surrogates cannot be stored."""
    values = field.raw_data or []
    for value in values:
        if isinstance(value, str) and ("\x00" in value or "\ufffd" in value):
            raise FieldRefused("This holds characters that are not text.")
