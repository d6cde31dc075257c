"""The base of every HTML form: WTForms checks the shape, a service checks the meaning."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, ValidationError

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


def _is_text(_form: Any, field: Field) -> None:
    """NUL and lone surrogates cannot be stored."""
    values = field.raw_data or []
    for value in values:
        if isinstance(value, str) and ("\x00" in value or "\ufffd" in value):
            raise ValidationError("This holds characters that are not text.")
