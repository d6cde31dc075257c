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


def test_a_message_is_sent_again_however_often_its_webhook_was_off(
    installation: Installation, receiver: Receiver
) -> None:
    """Each time it has a job of its own, also where the one before did not try."""
    receiver.answers = [400]
    made = installation.request("POST", "/webhooks", {"url": receiver.url})
    path = f"/webhooks/{made['id']}"

    def ended() -> dict[str, Any] | None:
        (delivery,) = installation.request("GET", f"{path}/deliveries")
        return delivery if delivery["completed_at"] else None

    installation.request("POST", f"{path}/test")
    message = eventually(ended)
    worker = installation.part("worker")
    for _ in range(2):
        worker.suspend()
        try:
            installation.request("POST", f"/webhooks/deliveries/{message['id']}/resend")
            installation.request("PATCH", path, {"is_active": False})
        finally:
            worker.resume()
        assert eventually(ended)["status"] == "failed"
        installation.request("PATCH", path, {"is_active": True})
    installation.request("POST", f"/webhooks/deliveries/{message['id']}/resend")
    message = eventually(ended)
    assert (message["status"], len(receiver.messages)) == ("delivered", 2)
    installation.request("DELETE", path)
