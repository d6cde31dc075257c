#!/usr/bin/env bash
# bm25s 0.3.16 and lancedb 0.40.0 (PyPI): single letters and digits, "IT" and "WHO" are not words.
#
# Guess: text as it comes finds "Vitamin C" before "Vitamin D", and a text about IT for "IT". Seen:
# `bm25s.tokenize` takes words of two letters and more, and leaves out English stop words unless told
# otherwise, so that "vitamin D" and "route 6" score their neighbours the same and the first one
# indexed wins, and "IT" finds nothing, told as k documents of score 0. LanceDB's text index keeps
# letters and digits, but drops stop words in its default: "IT" and "WHO" find no row at all.
# tantivy 0.27.0 keeps all of them. Who searches product names gives a tokenizer of their own.
# Callboard drops such words from a question only where it has others.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'bm25s==0.3.16' 'lancedb==0.40.0' 'tantivy==0.27.0'
"$folder/venv/bin/python" -W ignore - "$folder/data" <<'PYTHON'
import sys

import bm25s
import lancedb
import tantivy

TEXTS = [
    "Vitamin C helps the gums", "Vitamin D helps the bones", "The IT team answers on Monday",
    "Route 5 to the harbour", "Route 6 to the harbour", "The WHO advises rest",
]
QUERIES = ["vitamin D", "route 6", "IT team", "IT", "WHO"]

ranked = bm25s.BM25()
ranked.index(bm25s.tokenize(TEXTS, show_progress=False), show_progress=False)
table = lancedb.connect(sys.argv[1]).create_table("texts", [{"text": text} for text in TEXTS])
table.create_fts_index("text")
builder = tantivy.SchemaBuilder()
builder.add_text_field("text", stored=True)
index = tantivy.Index(builder.build())
writer = index.writer()
for text in TEXTS:
    writer.add_document(tantivy.Document(text=text))
writer.commit()
index.reload()


def best(query):
    words = bm25s.tokenize(query, show_progress=False)
    ids, scores = ranked.retrieve(words, k=len(TEXTS), show_progress=False)
    top = max(scores[0])
    in_tantivy = index.searcher()
    hits = in_tantivy.search(index.parse_query(query, ["text"]), 1).hits
    return {
        "bm25s": sorted(TEXTS[at] for at, score in zip(ids[0], scores[0]) if score == top > 0),
        "lancedb": [row["text"] for row in table.search(query, query_type="fts").limit(1).to_list()],
        "tantivy": [in_tantivy.doc(address)["text"][0] for _, address in hits],
    }


seen = {query: best(query) for query in QUERIES}
for query, answers in seen.items():
    print(query, *(f"{name}: {texts}" for name, texts in answers.items()), sep="\n  ")
C, D, IT, FIVE, SIX, WHO = TEXTS
assert {query: answers["bm25s"] for query, answers in seen.items()} == {
    "vitamin D": [C, D], "route 6": [FIVE, SIX], "IT team": [IT], "IT": [], "WHO": [WHO]
}, seen
assert {query: answers["lancedb"] for query, answers in seen.items()} == {
    "vitamin D": [D], "route 6": [SIX], "IT team": [IT], "IT": [], "WHO": []
}, seen
assert {query: answers["tantivy"] for query, answers in seen.items()} == {
    "vitamin D": [D], "route 6": [SIX], "IT team": [IT], "IT": [IT], "WHO": [WHO]
}, seen
PYTHON
