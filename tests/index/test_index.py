"""The index against a plain BM25, whatever was written, removed, merged, and by whom."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, literal, select, union_all

from tests.database import new_database
from tests.stores import (
    IndexedChunk,
    add_chunks,
    assert_same,
    found,
    make_store,
    plain_search,
    sqlite_url,
)
from webapp.core.extensions import db
from webapp.index import Filter, merge_segments, merging, remove_chunks, search
from webapp.index.models import IndexDeletion, IndexSegment
from webapp.index.views import ViewCache

WORDS = (
    "wing flow heat plate shock layer boundary jet speed 검색 문서 über rotate key".split()  # noqa: SIM905 - a text
)


@pytest.fixture(scope="module")
def store(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    url = new_database(database_url) or sqlite_url(tmp_path_factory.mktemp("sqlite"))
    app = make_store(url)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(autouse=True)
def _context(store: Flask) -> Iterator[None]:
    with store.app_context():
        yield
        db.session.rollback()
        db.session.remove()


def make_chunk(number: int, *, seed: int = 0) -> IndexedChunk:
    chosen = random.Random(number * 7919 + seed)
    return IndexedChunk(
        id=number,
        title=" ".join(chosen.choices(WORDS, k=2)),
        text=" ".join(chosen.choices(WORDS, k=chosen.randint(0, 12))),
    )


texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
batches = st.lists(st.tuples(texts, texts), min_size=1, max_size=12)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), batches),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 40), min_size=1, max_size=20)),
        st.tuples(st.just("replace"), st.lists(st.integers(0, 40), min_size=1, max_size=4)),
        st.tuples(st.just("roll back"), batches),
        st.tuples(st.just("search"), texts),
        st.tuples(st.just("merge"), st.none()),
    ),
    min_size=12,
    max_size=40,
)


@pytest.mark.parametrize("fan_out", [2, 8], ids=["often merged", "seldom merged"])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=actions, query=texts)
def test_it_finds_what_a_plain_bm25_finds_after_any_history(
    monkeypatch: pytest.MonkeyPatch, fan_out: int, actions: list, query: str
) -> None:
    monkeypatch.setattr(merging, "FAN_OUT", fan_out)
    organization_id, kept, next_id = uuid4(), {}, 1
    for action, argument in actions:
        if action in ("add", "roll back"):
            chunks = [IndexedChunk(next_id + at, *pair) for at, pair in enumerate(argument)]
            add_chunks(organization_id, chunks)
            if action == "roll back":
                db.session.rollback()
                continue
            kept.update({chunk.id: chunk for chunk in chunks})
            next_id += len(chunks)
        elif action == "search":
            expected = plain_search(list(kept.values()), argument)
            assert_same(found(organization_id, argument), expected)
        elif action == "merge":
            merge_segments(organization_id)
        else:
            gone = [kept.pop(number) for number in argument if number in kept]
            removed_count = remove_chunks(organization_id, argument)
            assert removed_count == len(gone)
            if action == "replace" and gone:
                again = [
                    IndexedChunk(next_id + at, chunk.text, chunk.title)
                    for at, chunk in enumerate(gone)
                ]
                next_id += len(again)
                add_chunks(organization_id, again)
                kept.update({chunk.id: chunk for chunk in again})
        db.session.commit()
    assert_same(found(organization_id, query), plain_search(list(kept.values()), query))


def test_it_stays_right_while_writers_and_readers_overlap(store: Flask) -> None:
    organization_id, threads, problems = uuid4(), [], []
    kept: dict[int, IndexedChunk] = {}

    def write(writer: int) -> None:
        with store.app_context():
            for at in range(30):
                chunks = [make_chunk(writer * 10_000 + at * 10 + k) for k in range(1 + at % 3)]
                add_chunks(organization_id, chunks)
                if at % 7 == 3:
                    db.session.rollback()
                    continue
                db.session.commit()
                kept.update({chunk.id: chunk for chunk in chunks})
                if at % 5 == 4:
                    remove_chunks(organization_id, [chunks[0].id])
                    db.session.commit()
                    del kept[chunks[0].id]
            db.session.remove()

    def read() -> None:
        with store.app_context():
            while any(thread.is_alive() for thread in threads):
                hits = search(organization_id, "wing flow heat", top_k=500)
                db.session.rollback()
                if len({hit.chunk_id for hit in hits}) != len(hits):
                    problems.append("a chunk was found twice")
            db.session.remove()

    def guarded(work: Callable[..., None], *arguments: int) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            problems.append(repr(error))

    threads += [threading.Thread(target=guarded, args=(write, number)) for number in range(4)]
    readers = [threading.Thread(target=guarded, args=(read,)) for _ in range(2)]
    for thread in [*threads, *readers]:
        thread.start()
    for thread in [*threads, *readers]:
        thread.join(120)

    assert problems == []
    for query in ("wing", "heat plate 검색", "shock layer shock"):
        assert_same(found(organization_id, query), plain_search(list(kept.values()), query))


def test_both_databases_answer_alike(store: Flask, tmp_path: Path) -> None:
    """The same history on SQLite and PostgreSQL: the same chunks, and scores to six decimals."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("compared where PostgreSQL is")

    def answers() -> list[list[tuple[int, float, float, float]]]:
        organization_id = uuid4()
        for start in range(0, 400, 40):
            add_chunks(organization_id, [make_chunk(n) for n in range(start, start + 40)])
            db.session.commit()
        remove_chunks(organization_id, list(range(0, 400, 3)))
        while merge_segments(organization_id):
            db.session.commit()
        db.session.commit()
        queries = [" ".join(random.Random(n).choices(WORDS, k=1 + n % 5)) for n in range(40)]
        found = [
            [
                (hit.chunk_id, round(hit.score, 6), round(hit.bm25, 6), round(hit.cosine, 6))
                for hit in search(organization_id, query, top_k=20)
            ]
            for query in queries
        ]
        db.session.rollback()
        return found

    on_postgresql = answers()
    other = make_store(sqlite_url(tmp_path))
    with other.app_context():
        on_sqlite = answers()
        db.session.remove()
        db.engine.dispose()
    assert on_postgresql == on_sqlite
    assert all(on_postgresql)


def test_a_write_that_is_rolled_back_leaves_nothing_in_any_cache() -> None:
    organization_id = uuid4()
    add_chunks(organization_id, [make_chunk(1)])
    db.session.commit()
    found(organization_id, "wing")
    add_chunks(organization_id, [IndexedChunk(2, "wing", "wing")])
    search_in_the_same_transaction(organization_id)
    db.session.rollback()
    add_chunks(organization_id, [IndexedChunk(2, "plate", "plate")])
    db.session.commit()

    expected = plain_search([make_chunk(1), IndexedChunk(2, "plate", "plate")], "wing plate")
    assert_same(found(organization_id, "wing plate"), expected)


def search_in_the_same_transaction(organization_id: UUID) -> None:
    if db.engine.dialect.name == "sqlite":  # on PostgreSQL a search begins a transaction
        assert search(organization_id, "wing", top_k=5)[0].chunk_id == 2


def test_an_organization_never_finds_the_chunks_of_another() -> None:
    ours, theirs = uuid4(), uuid4()
    add_chunks(ours, [IndexedChunk(1, "wing", "flow")])
    add_chunks(theirs, [IndexedChunk(2, "wing", "flow")])
    db.session.commit()

    assert [number for number, *_ in found(ours, "wing")] == [1]
    assert [number for number, *_ in found(theirs, "wing")] == [2]
    assert found(uuid4(), "wing") == []
    assert remove_chunks(ours, [2]) == 0


def test_a_scope_limits_what_is_found_but_not_how_rare_a_word_is() -> None:
    organization_id = uuid4()
    add_chunks(organization_id, [make_chunk(number) for number in range(1, 60)])
    db.session.commit()
    everything = {number: bm25 for number, bm25, _ in found(organization_id, "wing", top_k=99)}
    wanted = [select(literal(number).label("id")) for number in (3, 5, 8, 13, 21, 34, 4_000)]
    numbers = union_all(*wanted).subquery()
    chosen = select(numbers.c.id)
    few = Filter("few", lambda after: chosen.where(numbers.c.id > after))
    none = Filter("none", lambda _after: chosen.limit(0))

    within = found(organization_id, "wing", top_k=99, only=few)

    assert {number for number, *_ in within} == {3, 5, 8, 13, 21, 34}
    assert all(bm25 == everything[number] for number, bm25, _ in within)
    assert found(organization_id, "wing", only=none) == []


@pytest.mark.parametrize("query", ["", '"', "*", "NEAR(a b)", "%", "🙂", "\x00", "\ud800", "the"])
@pytest.mark.parametrize("strategy", ["hybrid", "keyword", "vector"])
def test_no_query_is_too_strange(query: str, strategy: str) -> None:
    organization_id = uuid4()
    add_chunks(organization_id, [make_chunk(1), IndexedChunk(2, "", "")])
    db.session.commit()

    for hit in search(organization_id, query, top_k=5, strategy=strategy):
        assert 0 <= hit.score <= 1
        assert np.isfinite([hit.score, hit.bm25, hit.cosine]).all()


def test_korean_is_found_by_a_part_of_a_word() -> None:
    organization_id = uuid4()
    add_chunks(organization_id, [IndexedChunk(1, "안내", "문서를 검색합니다"), make_chunk(2)])
    db.session.commit()

    assert search(organization_id, "검색", top_k=1, strategy="keyword")[0].chunk_id == 1


def test_many_small_writes_leave_few_segments() -> None:
    organization_id = uuid4()
    for number in range(200):
        add_chunks(organization_id, [make_chunk(number)])
    db.session.commit()

    count = select(func.count()).where(IndexSegment.organization_id == organization_id)
    assert (db.session.scalar(count) or 0) <= 3 * 7


def test_deleted_chunks_do_not_pile_up() -> None:
    organization_id = uuid4()
    for start in range(0, 400, 10):
        add_chunks(organization_id, [make_chunk(start + at) for at in range(10)])
        remove_chunks(organization_id, list(range(start, start + 9)))
    db.session.commit()

    count = select(func.count()).where(IndexDeletion.organization_id == organization_id)
    assert db.session.scalar(count) == 0
    kept = [make_chunk(start + 9) for start in range(0, 400, 10)]
    assert_same(found(organization_id, "wing jet"), plain_search(kept, "wing jet"))


def test_the_cache_forgets_the_organization_searched_longest_ago() -> None:
    cache, organizations = ViewCache(max_organizations=2), [uuid4() for _ in range(3)]
    for at, organization_id in enumerate(organizations):
        add_chunks(organization_id, [make_chunk(at + 1)])
    db.session.commit()
    for organization_id in organizations:
        cache.get(organization_id)

    assert list(cache._entries) == organizations[1:]
