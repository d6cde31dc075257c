"""Signatures, so that a webhook can tell our messages from others'."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from flask import current_app


def signing_secret(organization_id: UUID) -> str:
    """What an organization's webhooks check signatures with; made from the installation's key."""
    key = current_app.config["CALLBOARD"].secret_key.encode()
    return hmac.new(key, f"webhooks of {organization_id}".encode(), hashlib.sha256).hexdigest()


def sign(body: bytes, secret: str) -> str:
    """The header `X-Agent-Signature` of a body (facts.md 0.8)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
