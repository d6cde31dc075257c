#!/usr/bin/env bash
# zod 4.6.7 (npm): `fromJSONSchema` leaves out rules without a word, while it refuses others by
# name.
#
# Guess: a keyword that it cannot take raises an error, as `not` and `if` do. Seen: a name in
# `required` that is not in the same object's `properties`, and a limit without a `type` beside it,
# are dropped. So "either url or text" as `anyOf` of two `required` accepts an object without both,
# and a field taken from a shared `$ref` loses the limit that `allOf` adds. Ajv goes by the
# standard. Who turns an agent's schema into zod checks the value against the schema as well.
# Callboard hands schemas out as they are.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts zod@4.6.7 ajv@8.20.0
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import Ajv from "ajv/dist/2020.js";
import * as z from "zod";

const text = { type: "string" };
const required = (name) => ({ required: [name] });
const cases = {
  "either url or text": [
    { type: "object", properties: { url: text, text }, anyOf: ["url", "text"].map(required) },
    {},
  ],
  "required, declared elsewhere": [{ type: "object", ...required("id") }, {}],
  "a limit added by allOf": [
    { $defs: { name: text }, allOf: [{ $ref: "#/$defs/name" }, { maxLength: 3 }] },
    "much too long",
  ],
  "a limit for any number": [{ minimum: 3 }, 1],
};
for (const [name, [schema, value]] of Object.entries(cases)) {
  const ajv = new Ajv.default({ strict: false }).compile(schema)(value);
  const zod = z.fromJSONSchema(schema).safeParse(value).success;
  console.log(`${name}: ajv accepts ${ajv}, zod accepts ${zod}`);
  assert.deepStrictEqual([ajv, zod], [false, true]);
}
assert.throws(() => z.fromJSONSchema({ not: { type: "string" } }), /not supported/);
JAVASCRIPT
node finding.mjs
