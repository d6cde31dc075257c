"""To see webhooks is one right, to change them another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest

from webapp.core.actor import Actor, Permission
from webapp.core.errors import Forbidden
from webapp.webhooks import live, services
from webapp.webhooks.models import Webhook
from webapp.webhooks.permissions import WEBHOOKS_READ


@dataclass(frozen=True)
class Reader(Actor):
    """An admin's way in that only lets see webhooks."""

    def may(self, permission: Permission) -> bool:
        return permission == WEBHOOKS_READ and super().may(permission)


@pytest.fixture
def reader(alice: Actor) -> Reader:
    return Reader(**{field.name: getattr(alice, field.name) for field in fields(alice)})


@pytest.fixture
def webhook(alice: Actor) -> Webhook:
    return services.create_webhook("https://example.com/hook", actor=alice)[0]


def test_who_may_see_webhooks_sees_all_of_them(webhook: Webhook, reader: Reader) -> None:
    assert services.list_webhooks(actor=reader) == [webhook]
    assert services.get_webhook(webhook.id, actor=reader) == webhook
    assert services.get_overlap_end(webhook.id, actor=reader) is None
    assert services.list_deliveries(webhook_id=webhook.id, actor=reader).items == []
    assert "webhooks-revision" in live.FEEDS[0].draw("all", reader)


@pytest.mark.parametrize(
    "change",
    [
        lambda webhook, actor: services.create_webhook("https://example.com/b", actor=actor),
        lambda webhook, actor: services.update_webhook(webhook.id, {"name": "B"}, actor=actor),
        lambda webhook, actor: services.delete_webhook(webhook.id, actor=actor),
        lambda webhook, actor: services.send_test(webhook.id, actor=actor),
        lambda webhook, actor: services.rotate_secret(webhook.id, actor=actor),
        lambda webhook, actor: services.rotate_secret(None, actor=actor),
        lambda webhook, actor: services.retire_old_secrets(webhook.id, actor=actor),
    ],
)
def test_who_may_only_see_them_changes_nothing(
    webhook: Webhook, reader: Reader, change: Callable[[Webhook, Actor], Any]
) -> None:
    with pytest.raises(Forbidden, match="webhooks:write"):
        change(webhook, reader)
