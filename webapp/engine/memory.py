"""Memory: what keeps a worker from growing, where glibc would let it."""

from __future__ import annotations

import ctypes
import platform

M_ARENA_MAX = -8
ARENAS = 2

_libc = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def share_pools() -> None:
    """Let all threads take their memory from two pools; call it before there are threads.

    glibc gives nearly each thread its own, and what one has given back serves no other.
    """
    if _libc is not None:
        _libc.mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return to the system what lies free between what is used; some milliseconds."""
    if _libc is not None:
        _libc.malloc_trim(0)
