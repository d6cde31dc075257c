#!/usr/bin/env bash
# pytrec_eval-terrier 0.5.11, ir-measures 0.4.3, ranx 0.3.21 (PyPI): one run, one judgement, three
# values.
#
# Guess: MRR and nDCG are defined, and three libraries that compute them agree to the last digit.
# Seen: pytrec_eval averages over the queries that found something, ir-measures over all that were
# judged, so that by the first a search that fails is better than one that finds badly. Documents of
# equal score, which rank fusion makes often, stand in the order of their ids, from z to a, in these
# two, whatever order they came in, and as they came in ranx: the same hit is first under one id and
# second under another. Who compares figures takes them from one library, fills in queries without
# results, and breaks ties by a score of their own. Callboard's index breaks ties itself.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'pytrec_eval-terrier==0.5.11' 'ir-measures==0.4.3' 'ranx==0.3.21'
"$folder/venv/bin/python" - <<'PYTHON'
from statistics import fmean

import ir_measures
import pytrec_eval
from ranx import Qrels, Run, evaluate

Judged = dict[str, dict[str, int]]
Found = dict[str, dict[str, float]]


def values(judged: Judged, found: Found) -> tuple[float, float, float]:
    """The mean reciprocal rank by each of the three."""
    by_query = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}).evaluate(found)
    return (
        round(fmean(query["recip_rank"] for query in by_query.values()), 3),
        round(ir_measures.calc_aggregate([ir_measures.RR], judged, found)[ir_measures.RR], 3),
        round(float(evaluate(Qrels(judged), Run(found), "mrr", make_comparable=True)), 3),
    )


CASES = {
    "two of three queries find nothing": (
        {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1}},
        {"q1": {"a": 0.9, "z": 0.1}},
        (1.0, 0.333, 0.333),
    ),
    "two documents of equal score, the good one called a": (
        {"q1": {"a": 1}},
        {"q1": {"a": 0.5, "b": 0.5}},
        (0.5, 0.5, 1.0),
    ),
    "the same, the good one called z": (
        {"q1": {"z": 1}},
        {"q1": {"z": 0.5, "b": 0.5}},
        (1.0, 1.0, 1.0),
    ),
}
for name, (judged, found, expected) in CASES.items():
    seen = values(judged, found)
    print(f"{name}: pytrec_eval {seen[0]}, ir-measures {seen[1]}, ranx {seen[2]}")
    assert seen == expected
PYTHON
