from __future__ import annotations

from typing import Any

from wtforms import FloatField, IntegerField, URLField
from wtforms.validators import NumberRange, Optional
from wtforms.widgets import NumberInput

from webapp.agents.models import Agent
from webapp.core.forms import Form
from webapp.coverage.alerts import DROP, WEBHOOK, alert_webhook, allowed_drop
from webapp.coverage.models import DEFAULT_TARGET
from webapp.webhooks.forms import WebhookAddress
from webapp.webhooks.urls import check_target


class TargetForm(Form):
    target = IntegerField(
        "Documents wanted",
        description="For this agent. Left empty, the taxonomy's own number holds, or else "
        f"{DEFAULT_TARGET}; 0 takes the topic out.",
        validators=[Optional(), NumberRange(0, 1_000_000)],
    )


class AlertForm(Form):
    """Two of an agent's switches, by their names in `features_config`."""

    coverage_alert_drop = FloatField(
        "A fall by more than",
        description="Percent points, 0 to 100. It stands in the activity. Left empty: no alert.",
        validators=[Optional(), NumberRange(0, 100)],
        widget=NumberInput(step="any", min=0, max=100),
    )
    coverage_alert_webhook = URLField(
        "Webhook",
        description="An https:// address that is told as well. May be left empty.",
        filters=[lambda text: (text or "").strip()],
        validators=[Optional(), WebhookAddress(check_target)],
    )

    @classmethod
    def of(cls, agent: Agent) -> AlertForm:
        """The form filled with what holds for an agent."""
        data = {
            DROP: _short(allowed_drop(agent)),
            WEBHOOK: alert_webhook(agent),
        }
        return cls(formdata=None, data=data)

    def to_features(self, agent: Agent) -> dict[str, Any]:
        """The agent's switches with what the form says; what was left to the default stays so."""
        features = dict(agent.features_config)
        if self.coverage_alert_drop.data != allowed_drop(agent):
            features[DROP] = _short(self.coverage_alert_drop.data)
        features.pop(WEBHOOK, None)
        if self.coverage_alert_webhook.data:
            features[WEBHOOK] = self.coverage_alert_webhook.data
        return features


def _short(number: float | None) -> float | None:
    """5 rather than 5.0."""
    return int(number) if number is not None and number.is_integer() else number
