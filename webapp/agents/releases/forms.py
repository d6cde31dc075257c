from __future__ import annotations

from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import Length

from webapp.agents.models import Environment
from webapp.agents.schemas import PublishRequest
from webapp.core.forms import Form


class PublishForm(Form):
    semver = StringField("Semantic version", validators=[Length(max=64)])
    environment = RadioField(
        "Environment",
        choices=[(item.value, item.value.capitalize()) for item in Environment],
        default=Environment.STAGING.value,
    )
    changelog = TextAreaField(
        "Changelog",
        description="What its users should know. May be left empty.",
        validators=[Length(max=10_000)],
    )

    def to_body(self) -> PublishRequest:
        return PublishRequest(
            semver=(self.semver.data or "").strip() or None,
            environment=self.environment.data,
            changelog=(self.changelog.data or "").replace("\r\n", "\n"),
        )
