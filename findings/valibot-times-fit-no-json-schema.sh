#!/usr/bin/env bash
# valibot 1.5.0, @valibot/to-json-schema 1.8.0 (npm): no time satisfies both a schema and its JSON
# Schema.
#
# Guess: what the JSON Schema made from a valibot schema allows, valibot accepts, or most of it.
# Seen: `isoDateTime` takes "2026-11-27T10:00" without seconds and zone and nothing longer, and
# becomes `format: "date-time"`, which asks for both; `isoTime` and "time" likewise. A model that
# keeps to a tool's schema is refused each time, and what it would have to send breaks the schema.
# `isoTimestamp` fits. The README lists all three as supported. Who describes a tool with valibot
# takes `isoTimestamp`; Callboard's times have seconds and a zone.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  valibot@1.5.0 @valibot/to-json-schema@1.8.0 ajv@8.20.0 ajv-formats@3.0.1
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { toJsonSchema } from "@valibot/to-json-schema";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import * as v from "valibot";

const ajv = new Ajv.default();
addFormats.default(ajv);
const seen = {};
for (const [name, texts] of Object.entries({
  isoDateTime: ["2026-11-27T10:00", "2026-11-27T10:00:00Z", "2026-11-27T10:00:00+01:00"],
  isoTime: ["10:00", "10:00:00Z"],
  isoTimestamp: ["2026-11-27T10:00", "2026-11-27T10:00:00Z", "2026-11-27T10:00:00+01:00"],
})) {
  const schema = v.pipe(v.string(), v[name]());
  const isValid = ajv.compile(toJsonSchema(schema));
  for (const text of texts) {
    seen[`${name} ${text}`] = [v.safeParse(schema, text).success, isValid(text)].join();
  }
}
console.log("[valibot accepts, its JSON Schema accepts]", seen);
assert.deepStrictEqual(Object.values(seen), [
  "true,false", "false,true", "false,true",
  "true,false", "false,true",
  "false,false", "true,true", "true,true",
]);
JAVASCRIPT
node finding.mjs
