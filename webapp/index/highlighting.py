"""Where a passage answers a query: spans of matching words, and the window that shows most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from webapp.index.analysis import WORD, analyze, analyze_query, bigrams, is_cjk, split_cjk

#: start and end in characters, end excluded
Span = tuple[int, int]

SNIPPET_CHARS = 320


@dataclass(frozen=True, slots=True)
class Snippet:
    """A window of a passage; `spans` count from the start of `text`."""

    text: str
    start: int
    spans: list[Span]
    is_cut_before: bool
    is_cut_after: bool


def highlights(query: str, passage: str) -> list[Span]:
    """Spans of the words of `passage` that share a stem with the query, in order.

    In Chinese, Japanese and Korean runs the shared character pairs.
    """
    terms = frozenset(analyze_query(query))
    spans: list[Span] = []
    if not terms:
        return spans
    # Same length as the passage, unlike its NFKC form; words are normalized one by one.
    for word in WORD.finditer(passage.replace("_", " ")):
        start = word.start()
        for part in split_cjk(word.group()):
            if is_cjk(part):
                spans.extend(_cjk_matches(part, start, terms))
            else:
                if not terms.isdisjoint(_terms(part)):
                    spans.append((start, start + len(part)))
            start += len(part)
    return spans


def make_snippet(query: str, passage: str, *, max_chars: int = SNIPPET_CHARS) -> Snippet:
    """The window of at most `max_chars` with the most matches, the first of equals.

    It begins and ends between words where it can.
    """
    spans = highlights(query, passage)
    start = 0
    if len(passage) > max_chars and spans:
        start = _best_start(passage, spans, max_chars)
    end = min(len(passage), start + max_chars)
    if end < len(passage):
        cut = passage.rfind(" ", start + max_chars // 2, end)
        end = cut if cut > 0 else end
    inside = [(a - start, b - start) for a, b in spans if a >= start and b <= end]
    return Snippet(passage[start:end], start, inside, start > 0, end < len(passage))


@lru_cache(50_000)
def _terms(word: str) -> frozenset[str]:
    """The terms of one word: the same words come in all passages."""
    return frozenset(analyze(word))


def _cjk_matches(run: str, offset: int, terms: frozenset[str]) -> list[Span]:
    spans: list[Span] = []
    for at, bigram in enumerate(bigrams(run)):
        if terms.isdisjoint(analyze(bigram)):
            continue
        start, end = offset + at, offset + at + len(bigram)
        if spans and start <= spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _best_start(passage: str, spans: list[Span], max_chars: int) -> int:
    """Where to begin: a little before the match from which most matches fit in the window."""
    lead = max_chars // 6
    most, chosen, end = 0, 0, 0
    for at, (start, _) in enumerate(spans):
        end = max(end, at)
        while end < len(spans) and spans[end][1] <= start + max_chars - lead:
            end += 1
        if end - at > most:
            most, chosen = end - at, start
    start = min(max(0, chosen - lead), len(passage) - max_chars)
    if start <= 0:
        return 0
    space = passage.find(" ", start, chosen)
    return space + 1 if space >= 0 else start
