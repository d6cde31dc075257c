from __future__ import annotations

import re
from typing import Any

from wtforms import HiddenField, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms import TextAreaField as Text
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.agents.labels import FIELDS, labels_of
from webapp.agents.models import DEFAULT_MODEL, DEFAULT_RETRIEVAL, Agent, Modality
from webapp.agents.schemas import HANDLE_PATTERN, MAX_INSTRUCTIONS, AgentCreate, AgentUpdate
from webapp.agents.switches import switch_names
from webapp.core.forms import Form, JsonField

#: what a person can begin a schema from
SCHEMA_EXAMPLES = {
    "One text": {
        "type": "object",
        "properties": {"prompt": {"type": "string", "minLength": 1}},
        "required": ["prompt"],
    },
    "A ticket": {
        "type": "object",
        "properties": {
            "subject": {"type": "string", "maxLength": 200},
            "priority": {"enum": ["low", "normal", "high"], "default": "normal"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["subject"],
        "additionalProperties": False,
    },
    "A list of findings": {
        "type": "object",
        "properties": {"findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}}},
        "required": ["findings"],
        "$defs": {
            "finding": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "score": {"type": "number"}},
                "required": ["text"],
            }
        },
    },
}


def labelled(name: str) -> dict[str, str]:
    """Label and description that a field of the definition has on every form."""
    label = FIELDS[name]
    return {"label": label.text, "description": label.help}


class AgentForm(Form):
    """The definition as a page; what it sends is checked by the same schema as the API's.

    `base` is the version that the person has seen, so that nobody's change is overwritten;
    `origin` the one they began from, where the two have been brought together since.
    """

    base = HiddenField()
    origin = HiddenField()
    name = StringField(**labelled("name"), validators=[DataRequired(), Length(max=255)])
    handle = StringField(
        **labelled("handle"),
        validators=[
            Optional(),
            Regexp(HANDLE_PATTERN, message="Lower-case letters, digits, - and _ only."),
        ],
    )
    description = StringField(**labelled("description"), validators=[Length(max=2000)])
    instructions = Text(
        **labelled("instructions"), validators=[DataRequired(), Length(max=MAX_INSTRUCTIONS)]
    )
    persona = StringField(**labelled("persona"), validators=[Length(max=2000)])
    scope_description = StringField(**labelled("scope_description"), validators=[Length(max=500)])
    model = StringField(
        **labelled("model"),
        default=DEFAULT_MODEL,
        validators=[DataRequired(), Length(max=255)],
    )
    voice = StringField(**labelled("voice"), validators=[Length(max=255)])
    modality = SelectField(
        **labelled("modality"),
        choices=list(labels_of("modality").items()),
        default=Modality.AUDIO_ONLY.value,
    )
    panels = SelectMultipleField(
        **labelled("panels"),
        choices=list(labels_of("panels").items()),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    tools = StringField(**labelled("tools"))
    handoff_targets = StringField(**labelled("handoff_targets"))
    top_k = IntegerField(
        **labelled("top_k"), default=5, validators=[Optional(), NumberRange(1, 50)]
    )
    strategy = SelectField(
        **labelled("strategy"), choices=list(labels_of("strategy").items()), default="hybrid"
    )
    input_schema = JsonField(**labelled("input_schema"))
    output_schema = JsonField(**labelled("output_schema"))
    model_overrides = JsonField(**labelled("model_overrides"))
    features_config = JsonField(**labelled("features_config"))
    version_note = StringField(**labelled("version_note"), validators=[Length(max=500)])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.features_config.description = f"Switches of features: {', '.join(switch_names())}."

    @classmethod
    def of(
        cls, state: dict[str, Any], handles: list[str], *, base: int, origin: int | None = None
    ) -> AgentForm:
        """The form filled with a definition, which the person found in version `base`."""
        retrieval = state["retrieval_config"]
        return cls(
            formdata=None,
            data={
                **state,
                "base": str(base),
                "origin": str(origin or base),
                "tools": ", ".join(state["tools"]),
                "handoff_targets": ", ".join(handles),
                "top_k": retrieval.get("top_k", 5),
                "strategy": retrieval.get("strategy", "hybrid"),
            },
        )

    @property
    def base_version(self) -> int | None:
        return _number(self.base.data)

    @property
    def origin_version(self) -> int | None:
        return _number(self.origin.data)

    def to_create(self) -> AgentCreate:
        return AgentCreate(
            **self._given(),
            handle=self.handle.data or None,
            handoff_targets=_words(self.handoff_targets.data),
            retrieval_config=self._retrieval(DEFAULT_RETRIEVAL),
        )

    def to_update(self, agent: Agent, handles: list[str]) -> AgentUpdate:
        """What the form says; `handles` are the hand-off targets that it was drawn with.

        Where those are as they were, the field is left out: targets that are gone stay as well.
        """
        given = self._given() | {"retrieval_config": self._retrieval(agent.retrieval_config)}
        targets = _words(self.handoff_targets.data)
        if targets != handles:
            given["handoff_targets"] = targets
        return AgentUpdate(**given)

    def _given(self) -> dict[str, Any]:
        return {
            "name": self.name.data,
            "description": self.description.data or "",
            "instructions": (self.instructions.data or "").replace("\r\n", "\n"),
            "persona": self.persona.data or None,
            "scope_description": self.scope_description.data or None,
            "model": self.model.data,
            "voice": self.voice.data or None,
            "modality": self.modality.data,
            "panels": self.panels.data or [],
            "tools": _words(self.tools.data),
            "input_schema": self.input_schema.data,
            "output_schema": self.output_schema.data,
            "model_overrides": self.model_overrides.data,
            "features_config": self.features_config.data or {},
            "version_note": self.version_note.data or None,
        }

    def _retrieval(self, before: dict[str, Any]) -> dict[str, Any]:
        """`before` with what the two fields say; what was left to the default stays so."""
        said = {"top_k": self.top_k.data or 5, "strategy": self.strategy.data}
        return before | {
            name: value
            for name, value in said.items()
            if value != before.get(name, DEFAULT_RETRIEVAL[name])
        }


def _number(text: str | None) -> int | None:
    is_number = text and text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if text and is_number else None


def _words(text: str | None) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text or "") if word]
