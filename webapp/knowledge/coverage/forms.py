from __future__ import annotations

from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from webapp.core.forms import Form


class TargetForm(Form):
    target = IntegerField(
        "Documents wanted",
        description="Left empty, the taxonomy's own number holds; 0 takes the topic out.",
        validators=[Optional(), NumberRange(0, 1_000_000)],
    )
