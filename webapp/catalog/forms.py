from __future__ import annotations

from decimal import Decimal
from typing import Any

from wtforms import (
    BooleanField,
    DecimalField,
    Field,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from webapp.catalog.addresses import MAX_ADDRESS, check_base_url
from webapp.catalog.models import KeyState, ModelConfig, Provider
from webapp.catalog.prices import FIELDS as PRICED
from webapp.catalog.schemas import ModelChanges, ModelRequest
from webapp.core.forms import Form
from webapp.core.schemas import read

#: what pages call the providers that one can choose
PROVIDERS = {
    Provider.OPENAI.value: "OpenAI",
    Provider.ANTHROPIC.value: "Anthropic",
    Provider.OPENAI_COMPATIBLE.value: "OpenAI-compatible (Ollama, vLLM, LM Studio, OpenRouter …)",
}


class BaseUrl:
    """Refuses what `check_base_url` does, with a sentence about "the address"."""

    def __call__(self, _form: Form, field: Field) -> None:
        try:
            check_base_url(field.data.strip())
        except ValueError as error:
            raise ValidationError(f"The address {error}.") from error


class ModelForm(Form):
    provider = SelectField("Provider", choices=list(PROVIDERS.items()))
    model = StringField(
        "Model",
        description="As its provider calls it: gpt-4.1-mini, claude-sonnet-4-5, llama3.2.",
        validators=[DataRequired(), Length(max=200)],
    )
    base_url = StringField(
        "Base URL",
        description="Of a server that is compatible with OpenAI's, up to before "
        "/chat/completions: http://127.0.0.1:11434/v1. Empty for OpenAI and Anthropic themselves.",
        validators=[Optional(), Length(max=MAX_ADDRESS), BaseUrl()],
    )
    api_key = PasswordField(
        "API key",
        description="Kept sealed, and never shown again. Many local servers need none.",
        validators=[Length(max=1000)],
    )
    removes_key = BooleanField("Take the key away")
    name = StringField(
        "Name",
        description="What agents call it. Empty: the provider and the model, openai:gpt-4.1-mini.",
        validators=[Length(max=255)],
    )
    input_cost = DecimalField(
        "Input, $ per million tokens",
        places=None,
        validators=[Optional(), NumberRange(0, 1_000_000)],
    )
    output_cost = DecimalField(
        "Output, $ per million tokens",
        places=None,
        validators=[Optional(), NumberRange(0, 1_000_000)],
    )
    max_context_tokens = IntegerField(
        "Context, in tokens", validators=[Optional(), NumberRange(1, 2**31 - 1)]
    )
    is_default = BooleanField(
        "Default of the organization", description="New agents begin with it."
    )

    @classmethod
    def of(cls, model: ModelConfig) -> ModelForm:
        """The form filled with a model; its key is not in it."""
        name = "" if model.name == model.full_name else model.name
        form = cls(formdata=None, obj=model)
        form.name.data = name
        for field in (form.input_cost, form.output_cost):
            field.data = None if field.data is None else _decimal(field.data)
        form.describe(model)
        return form

    def describe(self, model: ModelConfig) -> None:
        """Say what an empty field for the key means for a model that is there."""
        if model.key_state == KeyState.NONE:
            del self.removes_key
            return
        self.api_key.description = (
            "Kept sealed, and never shown. Empty: it stays. "
            "Another provider or base URL needs it again."
        )

    def to_request(self) -> ModelRequest:
        """Empty prices and context are looked up."""
        given = self._given()
        empty = [name for name in PRICED if given[name] is None]
        return read(
            ModelRequest,
            {name: value for name, value in given.items() if name not in empty}
            | {"api_key": self.api_key.data},
        )

    def to_changes(self, model: ModelConfig) -> ModelChanges:
        """Prices that stand as they were, with another model, are looked up as well."""
        given = self._given()
        if (given["provider"], given["model"]) != (model.provider, model.model):
            for name in PRICED:
                if given[name] == getattr(model, name):
                    del given[name]
        if self.api_key.data and self.api_key.data.strip():
            given["api_key"] = self.api_key.data
        elif "removes_key" in self and self.removes_key.data:
            given["api_key"] = None
        return read(ModelChanges, given)

    def _given(self) -> dict[str, Any]:
        return {
            "provider": self.provider.data,
            "model": (self.model.data or "").strip(),
            "name": (self.name.data or "").strip() or None,
            "base_url": (self.base_url.data or "").strip() or None,
            "input_cost": _number(self.input_cost.data),
            "output_cost": _number(self.output_cost.data),
            "max_context_tokens": self.max_context_tokens.data,
            "is_default": self.is_default.data,
        }


def _decimal(value: float) -> Decimal:
    """As people write it: 2.5, and 0 instead of 0.0."""
    return Decimal(f"{value:.6f}".rstrip("0").rstrip("."))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
