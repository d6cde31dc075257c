#!/usr/bin/env bash
# python-docx 1.2.0, mammoth 1.13.0, docx2txt 0.9, docx2python 3.7.1 (PyPI), mammoth 1.11.0 (npm): one
# Word file under review, three texts.
#
# Guess: libraries that give the text of a Word file give the same text, less its layout. Seen: a
# sentence in which "30" was struck out and "14" put in under "track changes", with a name from a
# field and a city from a content control, is read as "Refunds take  days, says ." by python-docx, whose
# paragraphs have only runs and links that are their direct children; mammoth keeps insertions and
# controls and drops simple fields (names, dates, numbers of cross-references), in Python and in
# JavaScript; docx2txt and docx2python read all of it. Loaders of the field stand on these: a
# question about the file is answered without the number. Callboard reads with python-docx and lays
# these parts open first (`tests/documents/test_files.py`).
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts mammoth@1.11.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-docx==1.2.0 mammoth==1.13.0 \
  docx2txt==0.9 docx2python==3.7.1
cat > make.py <<'PYTHON'
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

PARTS = [
    "<w:r><w:t>Refunds take </w:t></w:r>",
    '<w:del w:id="1" w:author="A"><w:r><w:delText>30</w:delText></w:r></w:del>',
    '<w:ins w:id="2" w:author="A"><w:r><w:t>14</w:t></w:r></w:ins>',
    "<w:r><w:t> days, says </w:t></w:r>",
    '<w:fldSimple w:instr=" AUTHOR "><w:r><w:t>Ada</w:t></w:r></w:fldSimple>',
    "<w:sdt><w:sdtPr/><w:sdtContent><w:r><w:t> of Turin</w:t></w:r></w:sdtContent></w:sdt>",
    "<w:r><w:t>.</w:t></w:r>",
]
document = Document()
paragraph = f"<w:p {nsdecls('w')}>{''.join(PARTS)}</w:p>"
document.element.body.sectPr.addprevious(parse_xml(paragraph))
document.save("file.docx")
PYTHON
venv/bin/python make.py
expect() {
  echo "$1: $2"
  [ "$2" = "$3" ] || { echo "expected $3"; exit 1; }
}
whole="Refunds take 14 days, says Ada of Turin."
read_with() { venv/bin/python -c "$1"; }
expect python-docx "$(read_with 'import docx; print(docx.Document("file.docx").paragraphs[0].text)')" \
  "Refunds take  days, says ."
expect "mammoth in Python" "$(read_with \
  'import mammoth; print(mammoth.extract_raw_text(open("file.docx", "rb")).value.strip())')" \
  "Refunds take 14 days, says  of Turin."
expect "mammoth in JavaScript" "$(node -e '
  require("mammoth").extractRawText({ path: "file.docx" }).then(({ value }) => console.log(value.trim()))')" \
  "Refunds take 14 days, says  of Turin."
expect docx2txt "$(read_with 'import docx2txt; print(docx2txt.process("file.docx").strip())')" "$whole"
expect docx2python "$(read_with \
  'from docx2python import docx2python; print(docx2python("file.docx").text.strip())')" "$whole"
