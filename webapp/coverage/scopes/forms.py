from __future__ import annotations

from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.core.forms import Form


class ScopeForm(Form):
    """Only the token: topics and version are read as they come."""


class FromTaxonomyForm(Form):
    name = StringField("Name", validators=[DataRequired(), Length(max=255)])
    scope_description = StringField(
        "What it knows about",
        description="One sentence for the people who choose an agent.",
        validators=[Length(max=500)],
    )
    instructions = TextAreaField(
        "Instructions",
        description="Left empty: to answer about these topics from the documents.",
        validators=[Length(max=200_000)],
        render_kw={"rows": 4},
    )
