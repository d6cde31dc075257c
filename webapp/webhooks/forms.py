from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wtforms import (
    BooleanField,
    Field,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.core.forms import Form
from webapp.webhooks import events
from webapp.webhooks.urls import check_url


class WebhookAddress:
    """Refuses what `check` of `webhooks/urls.py` does, with a sentence about "the address"."""

    def __init__(self, check: Callable[[str], str]) -> None:
        self.check = check

    def __call__(self, _form: Form, field: Field) -> None:
        try:
            self.check(field.data.strip())
        except ValueError as error:
            raise ValidationError(f"The address {error}.") from error


class WebhookForm(Form):
    url = StringField(
        "Address",
        description="It begins with https://; http:// is for hosts that CALLBOARD_ALLOWED_HOSTS "
        "names.",
        validators=[DataRequired(), Length(max=2000), WebhookAddress(check_url)],
    )
    description = StringField("What it is for", validators=[Length(max=300)])
    events = SelectMultipleField(
        "Events",
        description="None ticked means all.",
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    is_active = BooleanField("Switched on", default=True)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.events.choices = [
            (name, f"{name}: {meaning}") for name, meaning in events.known().items()
        ]


class SecretForm(Form):
    overlap_hours = SelectField(
        "The old secret signs too for",
        choices=[("0", "no longer"), ("1", "an hour"), ("24", "a day"), ("168", "a week")],
        default="24",
    )
