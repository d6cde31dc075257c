#!/usr/bin/env bash
# langchain-classic 1.0.8 with langchain-core 1.8.3 (PyPI): of two documents with the same text, one is
# answered.
#
# Guess: `EnsembleRetriever` fuses what its retrievers find by the documents' ids, which they have.
# Seen: by their texts. Two products with the same sentence about refunds, as templates and legal
# notes have it, become one hit, with the votes of both; what is cited is whichever came first, the
# other one, its id and its metadata are gone, and a list of three is a list of two. `id_key` names
# a field of the metadata to go by; ids are not looked at. haystack-ai 3.4.1 keeps both, because its
# ids are made of text and metadata. Callboard fuses by passages.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check langchain-classic==1.0.8 \
  langchain-core==1.8.3 haystack-ai==3.4.1
cat > finding.py <<'PYTHON'
from haystack import Document as HaystackDocument
from haystack.components.joiners import DocumentJoiner
from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

ROWS = [
    ("1", "tea", "Refunds take 14 days."),
    ("2", "coffee", "Refunds take 14 days."),
    ("3", "coffee", "Shipping is free."),
]


class Fixed(BaseRetriever):
    found: list[Document]

    def _get_relevant_documents(self, query, *, run_manager):
        return self.found


tea, coffee, shipping = (
    Document(id=id_, page_content=text, metadata={"product": product}) for id_, product, text in ROWS
)
by_words = Fixed(found=[shipping, tea])
by_meaning = Fixed(found=[coffee])
fused = EnsembleRetriever(retrievers=[by_words, by_meaning], weights=[0.5, 0.5])
print([document.id for document in fused.invoke("How long do refunds take?")])
tea, coffee, shipping = (
    HaystackDocument(content=text, meta={"product": product}) for _, product, text in ROWS
)
joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")
print(len(joiner.run([[shipping, tea], [coffee]])["documents"]))
PYTHON
found=$(venv/bin/python -W ignore finding.py 2>/dev/null)
echo "$found"
expected="['1', '3']
3"
[ "$found" = "$expected" ] || { echo "expected $expected"; exit 1; }
