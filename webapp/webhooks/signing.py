"""Signatures, so that a webhook can tell our messages from others'.

Two kinds stand beside each other. `webhook-signature` is that of Standard Webhooks
(standardwebhooks.com): it covers the message's id, the time of the attempt and the body, and holds
a signature by each secret while one is being changed. `X-Agent-Signature` covers the body alone
(docs/contract/knowledge.md, webhook), and has room for one: the secret that is being replaced, as
long as it holds.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def make_secret() -> str:
    """A new secret: `whsec_` and base64, which the key for Standard Webhooks is read from."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(message_id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers that prove a body to whoever has one of `keys`, the oldest of them first."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (b64encode(_hmac(_key(key), signed)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        "X-Agent-Signature": f"sha256={_hmac(keys[0].encode(), body).hex()}",
    }


def _key(secret: str) -> bytes:
    # Secrets from before there were prefixes are hexadecimal, which is base64 too: libraries read
    # them as that.
    return b64decode(secret.removeprefix(PREFIX))


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
