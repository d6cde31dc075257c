"""Chunks to postings: everything about a batch that needs no database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray


from webapp.core.arrays import np
from webapp.index.analysis import analyze

TITLE_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class IndexedText:
    """A chunk as the index reads it: its title counts twice."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Postings:
    """Parallel arrays, one element for each distinct term of each chunk, in any order."""

    terms: Sequence[str]
    #: index into `terms`
    term_numbers: NDArray[np.int64]
    #: of the chunk in its segment
    offsets: NDArray[np.int64]
    frequencies: NDArray[np.int64]

    def encoded(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Each term that occurs, with its offsets (ascending) and frequencies as int32."""
        if not len(self.term_numbers):
            return
        order = np.lexsort((self.offsets, self.term_numbers))
        numbers = self.term_numbers[order]
        offsets = self.offsets[order].astype("<i4").tobytes()
        frequencies = self.frequencies[order].astype("<i4").tobytes()
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        bounds = [*(starts * 4).tolist(), len(offsets)]
        for number, (start, end) in zip(numbers[starts].tolist(), pairwise(bounds), strict=True):
            yield self.terms[number], offsets[start:end], frequencies[start:end]


def make_postings(chunks: Sequence[IndexedText]) -> tuple[Postings, NDArray[np.int32]]:
    """The postings of chunks, offset by their order, and their lengths in terms."""
    numbers: dict[str, int] = {}
    lengths: list[int] = []
    flat: list[int] = []
    for chunk in chunks:
        terms = analyze(chunk.title) * TITLE_WEIGHT + analyze(chunk.text)
        lengths.append(len(terms))
        flat.extend([numbers.setdefault(term, len(numbers)) for term in terms])
    offsets = np.repeat(np.arange(len(chunks)), lengths)
    # One number for each pair, so that counting the pairs is one pass of numpy.
    keys, frequencies = np.unique(
        np.array(flat, dtype=np.int64) * len(chunks) + offsets, return_counts=True
    )
    postings = Postings(
        terms=list(numbers),
        term_numbers=keys // len(chunks),
        offsets=keys % len(chunks),
        frequencies=frequencies,
    )
    return postings, np.array(lengths, dtype=np.int32)
