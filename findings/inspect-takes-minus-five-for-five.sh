#!/usr/bin/env bash
# inspect_ai 0.3.285 (PyPI): `exact()` takes -5 for 5, and `match()` takes 12 for 2.
#
# Guess: `exact()` drops capitals, articles and full stops, no more, and `match()` asks whether the
# target is the end of the answer, at a word. Seen: `exact()` and `f1()` drop all punctuation: the
# minus of a number, the comma of "1,5", the signs of "C++", the dots of "v1.2.3". `match()`
# compares letters, so that "12" is right for 2, and "incorrect" for "correct", the usual labels of
# a judge. With `numeric=True` it is right for those, but takes "12 kg (26 lb)" for 26, and finds no
# number in "5%". Who scores numbers or labels compares them in a scorer of their own. Callboard
# scores no answers.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'inspect_ai==0.3.285'
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from inspect_ai.model import ModelName, ModelOutput
from inspect_ai.scorer import Target, exact, f1, match
from inspect_ai.solver import TaskState


def score(scorer, text: str, target: str):
    state = TaskState(
        model=ModelName("mockllm/model"), sample_id=1, epoch=1, input="?", messages=[]
    )
    state.output = ModelOutput.from_content("mockllm/model", text)
    return asyncio.run(scorer(state, Target(target))).value


CASES = [  # scorer, answer, target, what it says
    (exact(), "-5", "5", "C"),
    (exact(), "1,5", "15", "C"),
    (exact(), "1.5", "15", "I"),
    (exact(), "C++", "C", "C"),
    (exact(), "v1.2.3", "v12.3", "C"),
    (f1(), "-5", "5", 1.0),
    (match(), "The answer is 12.", "2", "C"),
    (match(), "incorrect", "correct", "C"),
    (match(numeric=True), "The answer is 12.", "2", "I"),
    (match(numeric=True), "12 kg (26 lb)", "12", "I"),
    (match(numeric=True), "5%", "5", "I"),
]
for scorer, text, target, expected in CASES:
    value = score(scorer, text, target)
    print(f"{text!r} for {target!r}: {value}")
    assert value == expected
PYTHON
