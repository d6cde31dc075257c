"""The base of every HTML form: WTForms checks the shape, a service checks the meaning."""

from __future__ import annotations

import json
from typing import Any

from flask import current_app
from flask_wtf import FlaskForm
from wtforms import Field, TextAreaField, ValidationError

from webapp.core.errors import DomainError


class Form(FlaskForm):
    """A form with its CSRF token, which can also carry a service's refusal."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: Any) -> Any:
            field = super().bind_field(form, unbound_field, options)
            field.validators = [_is_text, *field.validators]
            return field

    def reject(self, error: DomainError) -> None:
        """Put a service's refusal on the field it names, or on the form as a whole."""
        field = self._fields.get(error.field or "")
        if field is None:
            self.form_errors.append(error.message)
        else:
            field.errors = [*field.errors, error.message]


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
            data = current_app.json.loads(text)
        except ValueError as error:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError(f"This is not JSON{where}.") from error
        if not isinstance(data, dict):
            raise ValueError("This must be a JSON object, in curly brackets.")
        self.data = data


def _is_text(_form: Any, field: Field) -> None:
    """NUL and lone surrogates cannot be stored."""
    values = field.raw_data or []
    for value in values:
        if isinstance(value, str) and ("\x00" in value or "\ufffd" in value):
            raise ValidationError("This holds characters that are not text.")
