#!/usr/bin/env bash
# zod 4.6.7 (npm): the JSON Schema of a pattern that ignores case minds the case.
#
# Guess: `toJSONSchema` says that a flag cannot be said, as it does for a date or a set. Seen: the
# flags `i`, `m` and `s` of a regular expression are left out without a word, so that the schema
# refuses what zod accepts: a tool that takes "EUR" or "eur" tells the model that only "eur" will
# do. @valibot/to-json-schema 1.8.0 raises an error for the same pattern. Who describes tools with
# zod writes both cases out. Callboard keeps a schema's patterns as they are, and runs none.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  zod@4.6.7 ajv@8.20.0 valibot@1.5.0 @valibot/to-json-schema@1.8.0
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { toJsonSchema } from "@valibot/to-json-schema";
import Ajv from "ajv/dist/2020.js";
import * as v from "valibot";
import * as z from "zod";

for (const [pattern, text] of [[/^eur$/i, "EUR"], [/^total/m, "net\ntotal"], [/^a.b$/s, "a\nb"]]) {
  const schema = z.string().regex(pattern);
  const json = z.toJSONSchema(schema);
  const accepts = [schema.safeParse(text).success, new Ajv.default().compile(json)(text)];
  console.log(`${pattern} became ${json.pattern}; ${JSON.stringify(text)}: zod, schema`, accepts);
  assert.deepStrictEqual(accepts, [true, false]);
  assert.throws(() => toJsonSchema(v.pipe(v.string(), v.regex(pattern))), /flags/);
}
assert.throws(() => z.toJSONSchema(z.date()), /cannot be represented/);
JAVASCRIPT
node finding.mjs
