"""The settings pages of webhooks: addresses, secrets, and what became of each message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from webapp.core.security import current_actor, requires
from webapp.core.shown_once import show_once, take_shown_once
from webapp.core.web import page, read_paging, redirect_to
from webapp.webhooks import services
from webapp.webhooks.forms import SecretForm, WebhookForm
from webapp.webhooks.permissions import WEBHOOKS_READ, WEBHOOKS_WRITE

bp = Blueprint("webhooks", __name__, url_prefix="/settings/webhooks")


@bp.get("")
@requires(WEBHOOKS_READ)
def index() -> Response:
    return _index_page(WebhookForm())


@bp.post("")
@requires(WEBHOOKS_WRITE)
def create() -> Response:
    form = WebhookForm()
    if form.validate():
        with form.refusing():
            webhook, secret = services.create_webhook(**_values(form), actor=current_actor())
            show_once(f"webhook {webhook.id}", secret=secret)
            return redirect_to("webhooks.show", webhook_id=webhook.id)
    return _index_page(form, status=422)


@bp.post("/secret")
@requires(WEBHOOKS_WRITE)
def rotate_shared_secret() -> Response:
    form = SecretForm()
    if not form.validate():
        return _index_page(WebhookForm(formdata=None), status=422, secret_form=form)
    show_once("webhooks", secret=_rotate(None, form))
    return redirect_to("webhooks.index")


@bp.post("/secret/retirement")
@requires(WEBHOOKS_WRITE)
def retire_shared_secret() -> Response:
    services.retire_old_secrets(None, actor=current_actor())
    return redirect_to("webhooks.index", message="Only the new secret signs now.")


@bp.get("/<uuid:webhook_id>")
@requires(WEBHOOKS_READ)
def show(webhook_id: UUID) -> Response:
    return _show_page(webhook_id)


@bp.post("/<uuid:webhook_id>")
@requires(WEBHOOKS_WRITE)
def update(webhook_id: UUID) -> Response:
    form = WebhookForm()
    if form.validate():
        with form.refusing():
            webhook = services.update_webhook(webhook_id, _values(form), actor=current_actor())
            return redirect_to(
                "webhooks.show", webhook_id=webhook.id, message="The webhook is changed."
            )
    return _show_page(webhook_id, status=422, form=form)


@bp.post("/<uuid:webhook_id>/deletion")
@requires(WEBHOOKS_WRITE)
def destroy(webhook_id: UUID) -> Response:
    webhook = services.delete_webhook(webhook_id, actor=current_actor())
    return redirect_to("webhooks.index", message=f"{webhook.name} is deleted.")


@bp.post("/<uuid:webhook_id>/secret")
@requires(WEBHOOKS_WRITE)
def rotate_secret(webhook_id: UUID) -> Response:
    form = SecretForm()
    if not form.validate():
        return _show_page(webhook_id, status=422, secret_form=form)
    show_once(f"webhook {webhook_id}", secret=_rotate(webhook_id, form))
    return redirect_to("webhooks.show", webhook_id=webhook_id)


@bp.post("/<uuid:webhook_id>/secret/retirement")
@requires(WEBHOOKS_WRITE)
def retire_secret(webhook_id: UUID) -> Response:
    services.retire_old_secrets(webhook_id, actor=current_actor())
    return redirect_to(
        "webhooks.show", webhook_id=webhook_id, message="Only the new secret signs now."
    )


@bp.post("/<uuid:webhook_id>/tests")
@requires(WEBHOOKS_WRITE)
def test(webhook_id: UUID) -> Response:
    services.send_test(webhook_id, actor=current_actor())
    return redirect_to("webhooks.show", webhook_id=webhook_id, message="A test is on its way.")


@bp.post("/messages/<uuid:delivery_id>/again")
@requires(WEBHOOKS_WRITE)
def send_again(delivery_id: UUID) -> Response:
    delivery = services.send_again(delivery_id, actor=current_actor())
    message = "The message is on its way again."
    if delivery.webhook_id is None or request.form.get("from") == "all":
        return redirect_to("webhooks.index", message=message)
    return redirect_to("webhooks.show", webhook_id=delivery.webhook_id, message=message)


def _values(form: WebhookForm) -> dict[str, Any]:
    return {
        "url": form.url.data.strip(),
        "description": (form.description.data or "").strip(),
        "events": form.events.data or [],
        "is_active": form.is_active.data,
    }


def _rotate(webhook_id: UUID | None, form: SecretForm) -> str:
    overlap = timedelta(hours=int(form.overlap_hours.data))
    return services.rotate_secret(webhook_id, overlap=overlap, actor=current_actor()).secret


def _index_page(
    form: WebhookForm,
    *,
    status: int = 200,
    secret_form: SecretForm | None = None,
) -> Response:
    actor = current_actor()
    deliveries = services.list_deliveries(actor=actor, paging=read_paging())
    return page(
        "webhooks/index.html",
        fragment="webhooks/_deliveries.html",
        status=status,
        form=form,
        secret=take_shown_once("webhooks").get("secret"),
        secret_form=secret_form or SecretForm(formdata=None),
        overlap_end=services.get_overlap_end(None, actor=actor),
        webhooks=services.list_webhooks(actor=actor),
        deliveries=deliveries,
        on_their_way=services.find_on_their_way(deliveries.items),
    )


def _show_page(
    webhook_id: UUID,
    *,
    status: int = 200,
    form: WebhookForm | None = None,
    secret_form: SecretForm | None = None,
) -> Response:
    actor = current_actor()
    webhook = services.get_webhook(webhook_id, actor=actor)
    deliveries = services.list_deliveries(webhook_id=webhook_id, actor=actor, paging=read_paging())
    return page(
        "webhooks/show.html",
        fragment="webhooks/_deliveries.html",
        status=status,
        webhook=webhook,
        form=form or WebhookForm(formdata=None, obj=webhook),
        secret=take_shown_once(f"webhook {webhook_id}").get("secret"),
        secret_form=secret_form or SecretForm(formdata=None),
        overlap_end=services.get_overlap_end(webhook_id, actor=actor),
        deliveries=deliveries,
        on_their_way=services.find_on_their_way(deliveries.items),
    )
