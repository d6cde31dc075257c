"""The events that webhooks can ask for; features bring those that they tell of."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.core.feature import contributions

#: what "send a test" sends, to one webhook, whichever events it has chosen
TEST = "webhook.test"


@dataclass(frozen=True)
class WebhookEvent:
    """Something that a feature publishes (`changes.publish`) under its name."""

    name: str
    #: what has happened, in a few words
    meaning: str


def known() -> dict[str, str]:
    """The meaning of every event that there is, by name."""
    events = sorted(contributions(WebhookEvent), key=lambda event: event.name)
    return {event.name: event.meaning for event in events}
