"""Signatures: those of Standard Webhooks beside the contract's."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from datetime import UTC, datetime

from webapp.webhooks import signing

#: the example of the Standard Webhooks specification's reference libraries
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_the_one_that_other_libraries_make() -> None:
    headers = signing.sign(MESSAGE, AT, BODY, [SECRET])
    assert headers["webhook-id"] == MESSAGE
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == SIGNATURE


def test_another_moment_message_or_body_is_another_signature() -> None:
    later = datetime.fromtimestamp(1614265331, UTC)
    for message, at, body in ((MESSAGE, later, BODY), ("m", AT, BODY), (MESSAGE, AT, b"{}")):
        assert signing.sign(message, at, body, [SECRET])["webhook-signature"] != SIGNATURE


def test_while_a_secret_is_changed_both_sign() -> None:
    newer = signing.make_secret()
    headers = signing.sign(MESSAGE, AT, BODY, [SECRET, newer])
    first, second = headers["webhook-signature"].split(" ")
    assert first == SIGNATURE
    assert second == signing.sign(MESSAGE, AT, BODY, [newer])["webhook-signature"]
    # The contract's header has room for one: whoever reads it has the older secret until its end.
    older = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert headers["X-Agent-Signature"] == f"sha256={older}"


def test_secrets_are_random_and_long() -> None:
    secrets = {signing.make_secret() for _ in range(10)}
    assert len(secrets) == 10
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
