#!/usr/bin/env bash
# langchain-text-splitters 1.1.3 (PyPI): two splitters by headings change the text between them.
#
# Guess: a splitter cuts a text and leaves the pieces as they are, but for blank lines. Seen:
# `MarkdownHeaderTextSplitter` takes the indentation off each line, in code as well, so that a
# Python example means nothing any more and a nested list is flat; and it deletes tabs, which joins
# words. `HTMLHeaderTextSplitter` writes a paragraph's own words first and its bold words or links
# behind them: "may not be shared", the "not" in bold, says "may be shared". The index and the model
# get that text. `ExperimentalMarkdownSyntaxTextSplitter` keeps it. Who uses the two looks at what
# comes out for code and emphasis. Callboard cuts Markdown by itself, and keeps the order of words and a line.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'langchain-text-splitters==1.1.3' 'beautifulsoup4==4.14.3'
"$folder/venv/bin/python" - <<'PYTHON'
from langchain_text_splitters import HTMLHeaderTextSplitter, MarkdownHeaderTextSplitter

MARKDOWN = """# Guide
```python
def limit(x):
    if x > 5:
        return 5
    return x
```
- refunds
    - only with a receipt
price:\t5 EUR
"""
HTML = "<h1>Terms</h1><p>This offer may <b>not</b> be <a href='/s'>shared</a> with others.</p>"

[part] = MarkdownHeaderTextSplitter([("#", "title")]).split_text(MARKDOWN)
print(part.page_content)
assert part.page_content == """\
```python
def limit(x):
if x > 5:
return 5
return x
```
- refunds
- only with a receipt
price:5 EUR"""
*_, paragraph = HTMLHeaderTextSplitter([("h1", "title")]).split_text(HTML)
print(repr(paragraph.page_content))
assert paragraph.page_content == "This offer may be with others.  \nnot  \nshared"
PYTHON
