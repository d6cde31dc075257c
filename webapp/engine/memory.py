"""Memory: what keeps a worker from growing, where glibc would let it, and forks short."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

M_ARENA_MAX = -8
MADV_COLLAPSE = 25
HUGE_PAGE = 2 * 1024 * 1024
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


def collapse() -> None:
    """Put what this process holds into huge pages, where the kernel can (Linux 6.1).

    A fork copies an entry for each page, and its end removes it: of 512 times fewer here. What is
    written afterwards is still copied by small pages.
    """
    if _libc is None:
        return
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _offset, _device, file, *name = line.split()
        if rights == "rw-p" and file == "0" and name in ([], ["[heap]"]):
            start, end = (int(number, 16) for number in place.split("-"))
            start += -start % HUGE_PAGE
            size = end - end % HUGE_PAGE - start
            if size > 0:
                _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), MADV_COLLAPSE)
