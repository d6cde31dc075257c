#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 (PyPI), @opentelemetry/sdk-trace-base 2.12.1 (npm): of a tenth of the
# traces, a tenth is whole.
#
# Guess: a sampler by trace id decides alike wherever a trace goes, since all see the same id; that
# is what it is for. Seen: Python compares the last eight bytes with the ratio, JavaScript the four
# parts of the id after XOR. With `OTEL_TRACES_SAMPLER=traceidratio` and 0.1 in both, an agent in
# Python and its tools in JavaScript keep a tenth each, but hardly any trace together: of a hundred
# runs seen, ninety lack what the tools did, and as many of the others have no beginning. With
# `parentbased_traceidratio` the first service decides for all, and each trace is whole. Callboard
# takes no traces yet; its guide for senders will have to say so.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'opentelemetry-sdk==1.45.2'
npm install --silent --no-audit --no-fund --ignore-scripts \
  @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/api@1.9.1
cat > finding.py <<'PYTHON'
import json
import random
from pathlib import Path

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

dice = random.Random(5)
ids = [f"{dice.getrandbits(128):032x}" for _ in range(1000)]
sampler = TraceIdRatioBased(0.1)
results = {each: sampler.should_sample(None, int(each, 16), "run") for each in ids}
kept = [each for each, result in results.items() if result.decision.is_sampled()]
Path("traces.json").write_text(json.dumps({"ids": ids, "kept": kept}))
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { SamplingDecision, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace-base";

const { ids, kept } = JSON.parse(readFileSync("traces.json", "utf8"));
const sampler = new TraceIdRatioBasedSampler(0.1);
const sampled = SamplingDecision.RECORD_AND_SAMPLED;
const here = ids.filter((id) => sampler.shouldSample(ROOT_CONTEXT, id).decision === sampled);
const both = here.filter((id) => kept.includes(id));
console.log("Python:", kept.length, "JavaScript:", here.length, "both:", both.length);
assert.deepStrictEqual([kept.length, here.length, both.length], [93, 98, 9]);
JAVASCRIPT
venv/bin/python finding.py
node finding.mjs
