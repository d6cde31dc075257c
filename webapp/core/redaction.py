"""What takes secrets out of texts has in common."""

from __future__ import annotations

REDACTED = "[redacted]"
#: characters; a shorter value is a word, and stands in many a sentence
MIN_SECRET = 6


def without(secret: str, text: str, mark: str = REDACTED) -> str:
    """The text without a secret, and without its beginning where the text was cut within it."""
    if len(secret) < MIN_SECRET:
        return text
    text = text.replace(secret, mark)
    for size in range(len(secret) - 1, MIN_SECRET - 1, -1):
        if text.endswith(secret[:size]):
            return text[:-size] + mark
    return text
