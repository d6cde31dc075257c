from __future__ import annotations

import re

from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.agents.models import DEFAULT_MODEL, Agent, Modality, Panel
from webapp.agents.schemas import MAX_INSTRUCTIONS, AgentCreate, AgentUpdate
from webapp.core.forms import Form

LABELS = {
    Modality.AUDIO_ONLY: "Voice only",
    Modality.AUDIO_CAMERA: "Voice and camera",
    Modality.AUDIO_SCREENSHARE: "Voice and shared screen",
}


class AgentForm(Form):
    """The definition as a page; what it sends is checked by the same schema as the API's."""

    name = StringField("Name", validators=[DataRequired(), Length(max=255)])
    handle = StringField(
        "Handle",
        description="Its name in addresses. Left empty, it is made from the name.",
        validators=[
            Optional(),
            Regexp(
                r"^[a-z0-9_-]{1,64}$",
                message="Lower-case letters, digits, - and _ only.",
            ),
        ],
    )
    description = StringField("Description", validators=[Length(max=2000)])
    instructions = TextAreaField(
        "Instructions",
        description="The system prompt.",
        validators=[DataRequired(), Length(max=MAX_INSTRUCTIONS)],
    )
    scope_description = StringField(
        "Knows about",
        description="One sentence on what its documents cover.",
        validators=[Length(max=500)],
    )
    model = StringField(
        "Model", default=DEFAULT_MODEL, validators=[DataRequired(), Length(max=255)]
    )
    voice = StringField("Voice", validators=[Length(max=255)])
    modality = SelectField(
        "Modality",
        choices=[(item.value, LABELS[item]) for item in Modality],
        default=Modality.AUDIO_ONLY.value,
    )
    panels = SelectMultipleField(
        "Panels",
        choices=[(item.value, item.value.replace("_", " ").capitalize()) for item in Panel],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    tools = StringField("Tools", description="Separated by commas.")
    handoff_targets = StringField(
        "Hands off to", description="Handles of other agents, separated by commas."
    )

    @classmethod
    def of(cls, agent: Agent, handoffs: list[Agent]) -> AgentForm:
        """The form filled with what the agent has now."""
        form = cls(obj=agent)
        form.tools.data = ", ".join(agent.tools)
        form.handoff_targets.data = ", ".join(target.handle for target in handoffs)
        return form

    def to_create(self) -> AgentCreate:
        return AgentCreate(**self._fields_given(), handle=self.handle.data or None)

    def to_update(self) -> AgentUpdate:
        return AgentUpdate(**self._fields_given())

    def _fields_given(self) -> dict[str, object]:
        return {
            "name": self.name.data,
            "description": self.description.data or "",
            "instructions": (self.instructions.data or "").replace("\r\n", "\n"),
            "scope_description": self.scope_description.data or None,
            "model": self.model.data,
            "voice": self.voice.data or None,
            "modality": self.modality.data,
            "panels": self.panels.data or [],
            "tools": _words(self.tools.data),
            "handoff_targets": _words(self.handoff_targets.data),
        }


def _words(text: str | None) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text or "") if word]
