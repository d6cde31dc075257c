#!/usr/bin/env bash
# markitdown 0.1.9 (PyPI): words like "NA" and "None" in a spreadsheet are read as "NaN".
#
# Guess: a cell with text comes out as its text, an empty one as nothing. Seen: sheets are read by
# pandas 3.1.1 with its list of words for a missing value, so that the country code NA, "None",
# "nan" and "N/A" in cells of type text all become "NaN", and so do empty cells ("NaT" among dates).
# One empty cell in a column of whole numbers makes fractions of them ("3.0"); "12.5 %" becomes
# 0.125, and a bar in a text splits the row of the Markdown table. The same
# words in CSV files are kept. Whoever searches for what Namibia costs finds nothing. Callboard reads
# no spreadsheets yet.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'markitdown[xlsx]==0.1.9' 'pandas==3.1.1' 'openpyxl==3.1.5'
(cd "$folder" && "$folder/venv/bin/python" -W ignore - 2>/dev/null <<'PYTHON'
import csv
import datetime

import openpyxl
from markitdown import MarkItDown

ROWS = [
    ["Code", "Country", "Pieces", "Share", "Since", "Note"],
    ["007", "NA", 3, 0.125, datetime.date(2026, 3, 1), "N/A"],
    ["1E5", "None", None, 0.5, None, "A|B"],
    ["0x1", "nan", 12, 1, datetime.date(2026, 3, 2), "two"],
]
book = openpyxl.Workbook()
for row in ROWS:
    book.active.append(row)
for row in (2, 3, 4):
    book.active.cell(row, 4).number_format = "0.0%"
book.save("sheet.xlsx")
with open("sheet.csv", "w", newline="") as file:
    csv.writer(file).writerows(ROWS)
again = openpyxl.load_workbook("sheet.xlsx").active
assert [again.cell(row, 2).value for row in (2, 3, 4)] == ["NA", "None", "nan"]


def table(path):
    lines = MarkItDown().convert(path).text_content.splitlines()
    return [line for line in lines if line.startswith("|")][2:]


for path in ("sheet.xlsx", "sheet.csv"):
    print(path, *table(path), sep="\n  ")
assert table("sheet.xlsx") == [
    "| 007 | NaN | 3.0 | 0.125 | 2026-03-01 | NaN |",
    "| 1E5 | NaN | NaN | 0.500 | NaT | A|B |",
    "| 0x1 | NaN | 12.0 | 1.000 | 2026-03-02 | two |",
]
assert [line.split(" | ")[1] for line in table("sheet.csv")] == ["NA", "None", "nan"]
PYTHON
)
