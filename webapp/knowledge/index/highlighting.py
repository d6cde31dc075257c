"""Which characters of a passage made it match."""

from __future__ import annotations

from webapp.knowledge.index.analysis import (
    WORD,
    analyze_query,
    bigrams,
    is_cjk,
    split_cjk,
    terms_of_word,
)


def highlights(query: str, text: str) -> list[tuple[int, int]]:
    """Spans `[start, end)` of the words in `text` that share a stem with the query.

    In Chinese, Japanese and Korean runs the shared character pairs are marked.
    """
    wanted = set(analyze_query(query))
    spans: list[tuple[int, int]] = []
    for match in WORD.finditer(text):
        start = match.start()
        for part in split_cjk(match[0]):
            if is_cjk(part):
                for offset, pair in enumerate(bigrams(part)):
                    if pair in wanted:
                        _add(spans, start + offset, start + offset + len(pair))
            elif not wanted.isdisjoint(terms_of_word(part)):
                _add(spans, start, start + len(part))
            start += len(part)
    return spans


def _add(spans: list[tuple[int, int]], start: int, end: int) -> None:
    if spans and start < spans[-1][1]:
        spans[-1] = (spans[-1][0], end)
    else:
        spans.append((start, end))
