"""Messages as real workers deliver them."""

from __future__ import annotations

from typing import Any

from tests.server import Installation, eventually
from tests.webhooks.receiving import Receiver


def test_a_worker_tells_a_webhook_again_after_a_pause(
    installation: Installation, receiver: Receiver
) -> None:
    receiver.answers = [503, 503, 200]
    made = installation.request("POST", "/webhooks", {"url": receiver.url})
    socket = installation.socket("/ws/live?feed=webhooks:all")
    first = socket.receive(timeout=60)
    installation.request("POST", f"/webhooks/{made['id']}/test")
    path = f"/webhooks/{made['id']}/deliveries"

    def delivered() -> dict[str, Any] | None:
        (delivery,) = installation.request("GET", path)
        return delivery if delivery["completed_at"] else None

    delivery = eventually(delivered)
    assert delivery["status"] == "delivered"
    assert [one["response_status"] for one in delivery["attempts"]] == [503, 503, 200]
    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    pushed = socket.receive(timeout=60)
    assert "webhooks-revision" in first
    assert "webhooks-revision" in pushed
    assert pushed != first
    socket.close()
    installation.request("DELETE", f"/webhooks/{made['id']}")
