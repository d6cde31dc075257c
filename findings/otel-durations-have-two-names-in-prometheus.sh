#!/usr/bin/env bash
# opentelemetry-exporter-prometheus 0.66b2 (PyPI), @opentelemetry/exporter-prometheus 0.223.0 (npm):
# one metric has two names.
#
# Guess: OpenTelemetry says how a metric is named for Prometheus, so that an agent in Python and one
# in JavaScript can be drawn and watched by one query. Seen: Python puts the unit behind the name,
# JavaScript only writes it into a comment: `gen_ai.client.operation.duration` in seconds is
# `gen_ai_client_operation_duration_seconds` here and `…_duration` there, "By" is `_bytes` or
# nothing. `gen_ai.client.token.usage` is the same in both, since "{token}" is no unit to write, so
# that a board shows everybody's tokens and half of the durations, and an alert on slow answers says
# nothing for the other half. Where both are scraped, one query names both, or both send OTLP to one
# collector, which names them. Callboard names its metrics itself, with the unit.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  'opentelemetry-exporter-prometheus==0.66b2' 'opentelemetry-sdk==1.45.2'
npm install --silent --no-audit --no-fund --ignore-scripts \
  @opentelemetry/exporter-prometheus@0.223.0 @opentelemetry/sdk-metrics@2.12.1 \
  @opentelemetry/api@1.9.1
cat > finding.mjs <<'JAVASCRIPT'
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

const exporter = new PrometheusExporter({ preventServerStart: true });
const meter = new MeterProvider({ readers: [exporter] }).getMeter("finding");
meter.createHistogram("gen_ai.client.operation.duration", { unit: "s" }).record(2);
meter.createHistogram("gen_ai.client.token.usage", { unit: "{token}" }).record(300);
meter.createCounter("answers.sent", { unit: "By" }).add(1);
const { resourceMetrics } = await exporter.collect();
console.log(new PrometheusSerializer().serialize(resourceMetrics));
JAVASCRIPT
cat > finding.py <<'PYTHON'
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import generate_latest

meter = MeterProvider(metric_readers=[PrometheusMetricReader()]).get_meter("finding")
meter.create_histogram("gen_ai.client.operation.duration", unit="s").record(2)
meter.create_histogram("gen_ai.client.token.usage", unit="{token}").record(300)
meter.create_counter("answers.sent", unit="By").add(1)
print(generate_latest().decode())
PYTHON
names() { grep -oE '^# TYPE (gen_ai|answers)[a-z_]+' | cut -d' ' -f3 | sort | tr '\n' ' '; }
python=$(venv/bin/python finding.py | names)
javascript=$(node finding.mjs | names)
echo "Python: $python"
echo "JavaScript: $javascript"
tokens=gen_ai_client_token_usage
duration=gen_ai_client_operation_duration
[ "$python" = "answers_sent_bytes_total ${duration}_seconds $tokens " ]
[ "$javascript" = "answers_sent_total $duration $tokens " ]
