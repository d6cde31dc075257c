from __future__ import annotations

from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.agents.labels import FIELDS
from webapp.core.forms import Form


class ScopeForm(Form):
    """Topics and version are read as they come; `base` is the scope that the person found."""

    base = HiddenField()

    @property
    def base_revision(self) -> int | None:
        text = self.base.data or ""
        return int(text) if text.isdecimal() and len(text) < 20 else None


class FromTaxonomyForm(Form):
    name = StringField("Name", validators=[DataRequired(), Length(max=255)])
    scope_description = StringField(
        FIELDS["scope_description"].text,
        description="What its documents cover, in a sentence.",
        validators=[Length(max=500)],
    )
    instructions = TextAreaField(
        "Instructions",
        description="Left empty: to answer about these topics from the documents.",
        validators=[Length(max=200_000)],
        render_kw={"rows": 4},
    )
