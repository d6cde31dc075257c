#!/usr/bin/env bash
# llama-index-core 0.14.25 (PyPI): what stands in bold is taken out of its sentence, and a table is
# gone.
#
# Guess: `HTMLNodeParser` cuts a page into its elements and keeps their text, each word at its
# place. Seen: it makes nodes of some tags, each of its own text only: "may not be shared" with the
# "not" in bold is "may be shared" and a node "not" behind it, to be embedded and found apart. Text
# in a `div` or a table is in no node at all. `MarkdownNodeParser` knows fences of backticks only: a
# comment in a fence of `~~~` is a heading, and stands in the path of all that follows. Who reads
# HTML with it turns it into Markdown first. Callboard reads all text of a page in its order, and
# knows both fences.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'llama-index-core==0.14.25' 'beautifulsoup4==4.14.3'
"$folder/venv/bin/python" - <<'PYTHON'
from llama_index.core import Document
from llama_index.core.node_parser import HTMLNodeParser, MarkdownNodeParser

HTML = """<h1>Terms</h1><p>This offer may <b>not</b> be shared.</p><div>The fee is 5 EUR.</div>
<table><tr><td>Refunds</td><td>14 days</td></tr></table>"""
MARKDOWN = "# Install\n\n~~~sh\n# as root\nmake install\n~~~\n\n## Next\n\nStart it.\n"

nodes = HTMLNodeParser().get_nodes_from_documents([Document(text=HTML)])
texts = [node.text for node in nodes]
print(texts)
assert texts == ["Terms", "This offer may\nbe shared.", "not"]
nodes = MarkdownNodeParser().get_nodes_from_documents([Document(text=MARKDOWN)])
paths = [node.metadata["header_path"] for node in nodes]
print(paths)
assert paths == ["/", "/", "/as root/"]
PYTHON
