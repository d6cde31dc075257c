"""The index is checked, rebuilt and given another embedder while it is searched and written."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from apiflask import APIFlask
from flask import Flask
from sqlalchemy import delete, func, select, update

from tests.cast import Cast
from tests.factories import make_document
from webapp import index
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.documents import indexing
from webapp.documents.deletion import services as deletion
from webapp.documents.models import Document
from webapp.index import embedding
from webapp.index.models import IndexPosting, IndexSegment, IndexState
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import NodeStat
from webapp.taxonomies.schemas import TaxonomyRequest

DIMENSIONS = 64


def run_task(task: Task) -> Task:
    running.run_task(task.id)
    done = db.session.get(Task, task.id, populate_existing=True)
    assert done is not None
    return done


def check(actor: Actor) -> dict[str, Any]:
    task = run_task(indexing.start_check(actor=actor))
    assert task.status == "completed"
    return task.result


def rebuild(actor: Actor) -> Task:
    task = run_task(indexing.start_rebuild(actor=actor))
    assert task.status == "completed", task.error
    return task


def find(actor: Actor, query: str = "garnet", **options: Any) -> index.Hits:
    found = index.search(actor.organization_id, query, top_k=50, **options)
    db.session.commit()
    return found


@pytest.fixture
def filled(alice: Actor) -> None:
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [{"path": ["Stones"]}]})
    taxonomies.extend_taxonomy(body, actor=alice)
    for number in range(12):
        make_document(
            alice, title=f"Stone {number}", content=f"garnet {number} {'x ' * number}",
            external_id=str(number), nodes=[["Stones"]],
        )  # fmt: skip
    for number in (3, 7):
        deletion.delete_document(_id(str(number)), actor=alice)


def _id(external_id: str) -> Any:
    return db.session.scalars(select(Document.id).where(Document.external_id == external_id)).one()


@pytest.mark.usefixtures("filled")
def test_a_rebuilt_index_finds_the_same(alice: Actor) -> None:
    before = find(alice)
    assert len(before) == 10
    assert check(alice)["problem_count"] == 0
    task = rebuild(alice)
    assert task.result["chunk_count"] == 10
    assert find(alice) == before
    assert check(alice)["problem_count"] == 0
    generations = db.session.scalars(select(IndexSegment.generation).distinct()).all()
    assert generations == [db.session.scalar(select(IndexState.generation))]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("harm", ["segment", "posting", "count", "length", "topic"])
def test_what_does_not_fit_is_found_and_put_right(alice: Actor, harm: str) -> None:
    before = find(alice)
    segment_id = db.session.scalar(select(func.max(IndexSegment.id)))
    if harm == "segment":
        db.session.execute(delete(IndexSegment).where(IndexSegment.id == segment_id))
    elif harm == "posting":
        db.session.execute(
            update(IndexPosting)
            .where(IndexPosting.segment_id == segment_id)
            .values(segment_id=segment_id + 1)
        )
    elif harm == "count":
        db.session.execute(update(IndexState).values(chunk_count=99))
    elif harm == "length":
        db.session.execute(update(IndexState).values(total_length=1))
    else:
        db.session.execute(update(NodeStat).values(document_count=99))
    db.session.commit()
    assert check(alice)["problem_count"] > 0
    rebuild(alice)
    assert check(alice)["problem_count"] == 0
    assert find(alice) == before


@pytest.mark.usefixtures("filled")
def test_writing_goes_on_while_it_is_rebuilt(alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH_CHUNKS", 3)
    task = indexing.start_rebuild(actor=alice)
    read = indexing._read_chunks
    rounds: list[int] = []

    def meanwhile(*args: Any) -> Any:
        rounds.append(1)
        if len(rounds) == 2:
            make_document(alice, title="New", content="garnet new", external_id="new")
            deletion.delete_document(_id("0"), actor=alice)
            make_document(alice, title="Other", content="garnet other", external_id="1")
            assert len(find(alice)) == 10
        return read(*args)

    monkeypatch.setattr(indexing, "_read_chunks", meanwhile)
    with pytest.raises(Conflict, match="already"):
        indexing.start_rebuild(actor=alice)
    assert run_task(task).status == "completed"
    assert len(rounds) > 3
    assert check(alice)["problem_count"] == 0
    assert len(find(alice)) == 10
    assert len(find(alice, "other", strategy="keyword")) == 1


@pytest.mark.usefixtures("filled")
def test_a_rebuilding_that_dies_goes_on(alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH_CHUNKS", 3)
    task = indexing.start_rebuild(actor=alice)
    read = indexing._read_chunks
    rounds: list[int] = []

    class Killed(BaseException):
        pass

    def dies(*args: Any) -> Any:
        rounds.append(1)
        if len(rounds) == 3:
            raise Killed
        return read(*args)

    monkeypatch.setattr(indexing, "_read_chunks", dies)
    with pytest.raises(Killed):
        running.run_task(task.id)
    db.session.rollback()
    assert len(find(alice)) == 10
    assert check(alice)["problem_count"] == 0
    assert run_task(task).status == "completed"
    assert check(alice)["problem_count"] == 0
    assert len(find(alice)) == 10


# Another embedder


class Endpoint:
    """An OpenAI-compatible embedder on 127.0.0.1 that can be made to fail."""

    def __init__(self) -> None:
        self.is_up = True
        self.keys: list[str | None] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.keys.append(self.headers["Authorization"])
                self.send_response(200 if endpoint.is_up else 503)
                self.end_headers()
                vectors = embedding.local_embedder.embed(body["input"])[:, :DIMENSIONS]
                data = [
                    {"index": at, "embedding": [float(x) for x in row]}
                    for at, row in enumerate(vectors)
                ]
                self.wfile.write(json.dumps({"data": data[::-1]}).encode())

            def log_message(self, *_args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def endpoint(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    started = Endpoint()
    monkeypatch.setattr(embedding, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    yield started
    started.server.shutdown()
    started.server.server_close()
    embedding.init_app(app)


@pytest.mark.usefixtures("filled")
def test_the_old_vectors_serve_until_the_new_ones_are_there(
    alice: Actor, endpoint: Endpoint
) -> None:
    before = find(alice)
    foreign = embedding.OpenAIEmbedder(endpoint.url, "small", DIMENSIONS, "secret")
    embedding.use_embedder(foreign)
    assert find(alice) == before
    make_document(alice, title="Late", content="garnet late")
    assert not endpoint.keys
    overview = indexing.describe_index(actor=alice)
    assert (overview.embedder, overview.wanted_embedder) == (
        "wordllama-l2-supercat-256",
        "small-64",
    )
    rebuild(alice)
    assert set(endpoint.keys) == {"Bearer secret"}
    after = find(alice)
    assert len(after) == 11
    assert indexing.describe_index(actor=alice).embedder == "small-64"
    assert [hit.cosine for hit in after] != [hit.cosine for hit in before]
    assert check(alice)["problem_count"] == 0


@pytest.mark.usefixtures("filled")
def test_keywords_find_while_the_embedder_is_down(
    cast: Cast, alice: Actor, endpoint: Endpoint
) -> None:
    embedding.use_embedder(embedding.OpenAIEmbedder(endpoint.url, "small", DIMENSIONS))
    rebuild(alice)
    endpoint.is_up = False
    api = cast.api("alice")
    answer = api.post("/knowledge/search", {"query": "garnet"}).json
    assert answer["total_results"] == 10
    assert answer["retrieval_strategy"] == "keyword"
    assert "keywords only" in answer["notice"]
    stored = api.post("/documents", {"title": "Down", "content": "basalt down"})
    assert stored.status_code == 201
    assert find(alice, "basalt")[0].bm25 > 0
    endpoint.is_up = True
    assert api.post("/knowledge/search", {"query": "garnet"}).json["notice"] is None
    assert check(alice)["without_vector_count"] == 1
    rebuild(alice)
    assert check(alice)["problem_count"] == 0


def test_nonsense_of_an_embedder_is_no_vector(endpoint: Endpoint) -> None:
    wrong = embedding.OpenAIEmbedder(endpoint.url, "small", DIMENSIONS + 1)
    with pytest.raises(embedding.EmbedderDown):
        wrong.embed(["garnet"])
    nobody = embedding.OpenAIEmbedder("http://127.0.0.1:9/v1", "small", DIMENSIONS)
    with pytest.raises(embedding.EmbedderDown):
        nobody.embed(["garnet", "basalt"])
    with pytest.raises(embedding.EmbedderDown):
        embedding.get_embedder("gone-1")


def test_an_application_has_an_embedder_of_its_own(app: APIFlask, endpoint: Endpoint) -> None:
    foreign = embedding.OpenAIEmbedder(endpoint.url, "small", DIMENSIONS)
    embedding.use_embedder(foreign)
    assert embedding.get_embedder() is embedding.get_embedder("small-64") is foreign
    with Flask("other").app_context():
        assert embedding.get_embedder() is embedding.local_embedder
        with pytest.raises(embedding.EmbedderDown):
            embedding.get_embedder("small-64")


@pytest.mark.usefixtures("filled")
def test_the_page_and_the_commands(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    assert "Never checked" in browser.get("/documents/index").text()
    browser.post("/documents/index/check", {})
    task = db.session.scalars(select(Task).where(Task.task_type == "index_check")).one()
    run_task(task)
    assert "all fits" in browser.get("/documents/index").text()
    assert "fit the documents" in browser.get(f"/tasks/{task.id}").text()
    runner = cast.app.test_cli_runner()
    started = runner.invoke(args=["index", "rebuild", "Acme"])
    assert started.output.startswith("task-"), started.output
    assert runner.invoke(args=["index", "check", "Nobody"]).exit_code == 1
