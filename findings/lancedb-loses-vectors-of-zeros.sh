#!/usr/bin/env bash
# lancedb 0.40.0 (PyPI): a vector of zeros is never found by cosine distance, and looking for one
# finds nothing.
#
# Guess: a zero vector, as hashing embedders give for a text without a known word, is as far from
# everything as what has nothing in common (1.0), or comes last. Seen: LanceDB leaves such a row out
# of every search by cosine, though `limit` has room for it and without a filter that asks for it,
# and answers a query of zeros with no row at all. By L2 and dot product it is there. chromadb 1.5.9,
# qdrant-client 1.20.0 (in memory), hnswlib 0.8.0 and usearch 2.26.6 find it at 1.0 (a similarity of
# 0), and answer a query of zeros with all rows. Who counts on k rows, or moves an index from one to
# another, loses documents. Callboard has an index of its own.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'lancedb==0.40.0' 'chromadb==1.5.9' 'qdrant-client==1.20.0' 'hnswlib==0.8.0' 'usearch==2.26.6'
"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import sys

import chromadb
import hnswlib
import lancedb
import numpy as np
from chromadb.config import Settings
from qdrant_client import QdrantClient, models
from usearch.index import Index

VECTORS = {"same": [1, 0], "nothing": [0, 0], "across": [0, 1], "opposite": [-1, 0]}
NAMES = list(VECTORS)
ROWS = np.array(list(VECTORS.values()), dtype=np.float32)

lance = lancedb.connect(sys.argv[1]).create_table(
    "texts", [{"name": name, "vector": row.tolist()} for name, row in zip(NAMES, ROWS)]
)
chroma = chromadb.EphemeralClient(settings=Settings(anonymized_telemetry=False)).create_collection(
    "texts", metadata={"hnsw:space": "cosine"}
)
chroma.add(ids=NAMES, embeddings=ROWS.tolist())
qdrant = QdrantClient(":memory:")
qdrant.create_collection(
    "texts", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE)
)
qdrant.upsert("texts", [models.PointStruct(id=at, vector=row.tolist()) for at, row in enumerate(ROWS)])
hnsw = hnswlib.Index("cosine", 2)
hnsw.init_index(10)
hnsw.add_items(ROWS)
usearch = Index(ndim=2, metric="cos", dtype="f32")
usearch.add(np.arange(4), ROWS)


def found(vector, metric="cosine"):
    array = np.array(vector, dtype=np.float32)
    in_lance = lance.search(array).distance_type(metric).limit(4).to_list()
    return {
        "lancedb": [row["name"] for row in in_lance],
        "chromadb": chroma.query(query_embeddings=[array.tolist()], n_results=4)["ids"][0],
        "qdrant": [NAMES[p.id] for p in qdrant.query_points("texts", query=array.tolist()).points],
        "hnswlib": [NAMES[at] for at in hnsw.knn_query(array[None], 4)[0][0]],
        "usearch": [NAMES[int(match.key)] for match in usearch.search(array, 4)],
    }


asked = {"one direction": found([1, 0]), "zeros": found([0, 0])}
for question, answers in asked.items():
    for library, names in answers.items():
        print(f"asked for {question}, {library}: {names}")
for metric in ("l2", "dot"):
    names = found([1, 0], metric)["lancedb"]
    print(f"lancedb by {metric}: {names}")
    assert set(names) == set(NAMES), (metric, names)
assert asked["one direction"].pop("lancedb") == ["same", "across", "opposite"], asked
assert asked["zeros"].pop("lancedb") == [], asked
assert all(set(names) == set(NAMES) for each in asked.values() for names in each.values()), asked
PYTHON
