#!/usr/bin/env bash
# chromadb 1.5.9 (PyPI): a threshold with a fraction is cut to a whole number where the metadata
# holds whole numbers.
#
# Guess: `where={"rating": {"$gte": 1.5}}` leaves out a rating of 1; at worst a threshold of another
# kind than the value finds nothing. Seen: what was stored as an int is compared with the threshold
# without its fraction, so that 1 is at least 1.5, equals 1.5, is among [1.5] and is not below 1.5,
# and 0 is at least 0.8, but not above -0.5. What was stored as a float is compared rightly, with
# whole thresholds too. The same in memory and on disk, in `get` and in `query`, without a word.
# Who filters by numbers stores all of them as floats. Callboard filters with SQL of its own.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'chromadb==1.5.9'
"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import sys

import chromadb
from chromadb.config import Settings

quiet = Settings(anonymized_telemetry=False)
client = chromadb.PersistentClient(sys.argv[1], settings=quiet)
VALUES = (-1, 0, 1, 2)
CONDITIONS = (
    ("$gte", 1.5), ("$gt", 1.5), ("$lt", 1.5), ("$lte", 1.5), ("$eq", 1.5), ("$in", [1.5]),
    ("$gte", 0.8), ("$gt", -0.5),
)
seen = {}
for kind in (int, float):
    collection = client.create_collection(f"ratings-{kind.__name__}")
    collection.add(
        ids=[str(value) for value in VALUES],
        embeddings=[[1.0, 0.0]] * len(VALUES),
        metadatas=[{"rating": kind(value)} for value in VALUES],
    )
    for operator, threshold in CONDITIONS:
        where = {"rating": {operator: threshold}}
        found = sorted(map(int, collection.get(where=where)["ids"]))
        again = collection.query(query_embeddings=[[1.0, 0.0]], n_results=9, where=where)
        assert found == sorted(map(int, again["ids"][0])), (where, found, again["ids"])
        print(f"{kind.__name__}s {VALUES}, rating {operator} {threshold}: {found}")
        seen[kind, operator, str(threshold)] = found
assert [seen[int, operator, str(threshold)] for operator, threshold in CONDITIONS] == [
    [1, 2], [2], [-1, 0], [-1, 0, 1], [1], [1], [0, 1, 2], [1, 2]
], seen
assert [seen[float, operator, str(threshold)] for operator, threshold in CONDITIONS] == [
    [2], [2], [-1, 0, 1], [-1, 0, 1], [], [], [1, 2], [0, 1, 2]
], seen
PYTHON
