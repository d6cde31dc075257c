"""Where a passage answers a query: the spans of its matching words."""

from __future__ import annotations

from functools import lru_cache

from webapp.index.analysis import WORD, analyze, analyze_query, bigrams, is_cjk, split_cjk

#: start and end in characters, end excluded
Span = tuple[int, int]


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
