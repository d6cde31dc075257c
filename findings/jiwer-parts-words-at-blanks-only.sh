#!/usr/bin/env bash
# jiwer 4.0.0 (PyPI): line ends and tabs do not part words.
#
# Guess: a word error rate compares words, so a transcript with a line for each utterance and the
# same words in one line agree: 0. Seen: jiwer parts at blanks only, so that "line\ni" is one word,
# and three lines without an error get 40 %; two words with a tab between them, heard rightly, get
# 200 %. Only what stands at the end of a whole text is stripped. werpy 3.5.0 and torchmetrics 1.9.0
# part at all white space and say 0. Who measures voice agents joins each text by
# `" ".join(text.split())` first. Callboard measures no speech.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'jiwer==4.0.0' 'werpy==3.5.0'
"$folder/venv/bin/python" - <<'PYTHON'
import jiwer
import werpy

SPOKEN = "please hold the line\ni will connect you\nhave a nice day"
HEARD = "please hold the line i will connect you have a nice day"
seen = {}
for name, reference, heard in (
    ("three lines", SPOKEN, HEARD),
    ("three lines heard", HEARD, SPOKEN),
    ("a tab", "table\tone", "table one"),
    ("a line end at the end", f"{HEARD}\n", HEARD),
    ("joined first", " ".join(SPOKEN.split()), HEARD),
):
    seen[name] = jiwer.wer(reference, heard), werpy.wer(reference, heard)
    print(f"{name}: jiwer {seen[name][0]:.2f}, werpy {seen[name][1]:.2f}")
rates = {name: round(rate, 2) for name, (rate, _) in seen.items()}
assert rates == {
    "three lines": 0.4, "three lines heard": 0.33, "a tab": 2.0, "a line end at the end": 0.0,
    "joined first": 0.0,
}, rates
assert all(rate == 0 for _, rate in seen.values()), seen
PYTHON
