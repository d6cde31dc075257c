"""Ids of rows that come by the thousand."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from uuid import UUID


def uuid7() -> UUID:
    """A UUID that begins with the time it is made at (RFC 9562, version 7), to 0.25 µs.

    Those made one after the other stand beside each other in every index, where random ones are
    strewn over all its pages. As Python 3.14 has it in `uuid`; 62 of its bits are random.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 7 << 76 | (rest * 4096 // 1_000_000) << 64
    return UUID(int=value | 2 << 62 | secrets.randbits(62))


def lowest_uuid7(moment: datetime) -> UUID:
    """What no UUID of `uuid7` made at the moment, or later, is below; to a millisecond."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)
