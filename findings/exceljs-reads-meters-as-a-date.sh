#!/usr/bin/env bash
# exceljs 4.4.0 (npm), XlsxWriter 3.3.1 and openpyxl 3.1.5 (PyPI): five meters are the fourth of
# January 1900.
#
# Guess: a cell is a date where its number format has a day, a month or a year in it. Seen: exceljs
# looks for the letters d, m, y, h and s, also behind a backslash, where they stand for themselves;
# that is how Excel itself keeps a unit that was typed into a format. `0\ \m`, `0\ \h` and `0\ \d`
# turn 5 into a Date. `0 "m"` is right. A duration of 25:30 hours is half past one in the morning,
# and `.text` of an error is "[object Object]". openpyxl reads 5, 25.5 hours and #DIV/0!. Who reads
# sheets in Node looks at `cell.numFmt` for each Date. Callboard reads no spreadsheets.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'XlsxWriter==3.3.1' 'openpyxl==3.1.5'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts exceljs@4.4.0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import timedelta

import openpyxl
import xlsxwriter

with xlsxwriter.Workbook("sizes.xlsx") as book:
    sheet = book.add_worksheet()
    for row, text in enumerate([r"0\ \m", r"0\ \h", r"0\ \d", '0 "m"', r"0\ \k\g"]):
        sheet.write_number(row, 0, 5, book.add_format({"num_format": text}))
    sheet.write_number(5, 0, 25.5 / 24, book.add_format({"num_format": "[h]:mm"}))
    sheet.write_formula(6, 0, "=1/0", None, "#DIV/0!")

cells = openpyxl.load_workbook("sizes.xlsx", data_only=True).active["A"]
seen = [cell.value for cell in cells]
print("openpyxl:", seen)
assert seen == [5, 5, 5, 5, 5, timedelta(hours=25.5), "#DIV/0!"]
PYTHON
cat > finding.cjs <<'JAVASCRIPT'
const assert = require("node:assert");
const { Workbook } = require("exceljs");

(async () => {
  const book = new Workbook();
  await book.xlsx.readFile("sizes.xlsx");
  const cells = [1, 2, 3, 4, 5, 6].map((row) => book.worksheets[0].getCell(row, 1).value);
  const error = book.worksheets[0].getCell(7, 1).text;
  console.log("exceljs:", JSON.stringify(cells), error);
  const day = "1900-01-04T00:00:00.000Z";
  assert.deepStrictEqual(JSON.parse(JSON.stringify(cells)), [
    day, day, day, 5, 5, "1899-12-31T01:30:00.000Z",
  ]);
  assert.strictEqual(error, "[object Object]");
})();
JAVASCRIPT
node finding.cjs
