"""How well names fit what somebody types, as the command palette puts them in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from webapp.core.database.text import fold

T = TypeVar("T")

#: the last of the ranks
WORST = 7
#: fewer letters, scattered over a name, say nothing
MIN_SCATTERED = 3
#: characters that are compared; nobody types more to find a thing
MAX_LENGTH = 100
_WORD = re.compile(r"\w+")


def rank(typed: str, name: str) -> int | None:
    """How well a name fits, from 0, the name itself, to 7; None where it does not.

    1: it begins with these words; 2: with these letters; 3 and 4: its words do, in this order or
    another; 5: they are its initials; 6: it holds what is typed; 7: it holds the letters, the
    first one at the beginning of a word.
    """
    sought, known = fold(typed).strip()[:MAX_LENGTH], fold(name)[:MAX_LENGTH]
    if not sought or sought == known:
        return 0
    if known.startswith(sought):
        return 2 if _WORD.match(known[len(sought) :]) else 1
    words, parts = _WORD.findall(known), _WORD.findall(sought)
    if parts and _begin_in_order(parts, words):
        return 3
    if parts and all(any(word.startswith(part) for word in words) for part in parts):
        return 4
    if "".join(word[0] for word in words).startswith(sought):
        return 5
    if sought in known:
        return 6
    letters = "".join(parts)
    if len(letters) >= MIN_SCATTERED and _is_scattered(letters, words):
        return WORST
    return None


def best(
    typed: str, things: Iterable[T], names: Callable[[T], Sequence[str]], *, limit: int
) -> list[T]:
    """Those of the things that fit, by the best of each one's names; equals as they came."""
    ranked = []
    for thing in things:
        ranks = [found for name in names(thing) if (found := rank(typed, name)) is not None]
        if ranks:
            ranked.append((min(ranks), thing))
    return [thing for _, thing in sorted(ranked, key=lambda pair: pair[0])[:limit]]


def _begin_in_order(parts: Sequence[str], words: Sequence[str]) -> bool:
    left = iter(words)
    return all(any(word.startswith(part) for word in left) for part in parts)


def _is_scattered(letters: str, words: Sequence[str]) -> bool:
    for at, word in enumerate(words):
        if word[0] == letters[0]:
            left = iter("".join(words[at:]))
            if all(letter in left for letter in letters):
                return True
    return False
