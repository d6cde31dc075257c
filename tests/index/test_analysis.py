"""How texts become terms, and which characters of a passage made it match."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.index import analyze, analyze_query, highlights


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Rotating the API-keys", ["rotat", "the", "api", "key"]),
        ("max_results", ["max", "result"]),
        ("ﬁle １２", ["file", "12"]),
        ("e\u0301te\u0301", ["été"]),
        ("검색어 GPU를", ["검색", "색어", "gpu", "를"]),
        ("हिन्दी", ["हिन्दी"]),
        ("\x00 \ud800 🙂", []),
        ("x" * 500, ["x" * 64]),
    ],
)
def test_a_text_is_read_as_terms(text: str, terms: list[str]) -> None:
    assert analyze(text) == terms


def test_a_query_drops_stop_words_unless_it_has_no_others() -> None:
    assert analyze_query("how do I rotate the key, the key?") == ["rotat", "key", "key"]
    assert analyze_query("to be or not") == ["to", "be", "or", "not"]


@pytest.mark.parametrize(
    ("query", "passage", "marked"),
    [
        ("rotate keys", "Key rotation: rotate every key.", ["Key", "rotation", "rotate", "key"]),
        ("지식 검색", "지식을 검색합니다", ["지식", "검색"]),
        ("results", "max_results", ["results"]),
        ("the file", "The ﬁles", ["ﬁles"]),
        ("<b>", "a <b> tag", ["b"]),
        ("", "anything", []),
    ],
)
def test_the_words_that_matched_are_marked(query: str, passage: str, marked: list[str]) -> None:
    assert [passage[start:end] for start, end in highlights(query, passage)] == marked


@given(st.text(max_size=80), st.text(max_size=200))
def test_marks_lie_in_the_passage_and_never_overlap(query: str, passage: str) -> None:
    bounds = [0, *(bound for span in highlights(query, passage) for bound in span), len(passage)]
    assert bounds == sorted(bounds)


def test_threads_that_read_keep_no_words_of_their_own() -> None:
    """A worker would grow with each of its threads, for as long as there are new words."""
    words = " ".join(f"word{number}s" for number in range(8_000))
    analyze(words)
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(8) as threads:
            barrier = threading.Barrier(8)

            def read(_number: int) -> None:
                barrier.wait()
                analyze(words)

            list(threads.map(read, range(8)))
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2**20
