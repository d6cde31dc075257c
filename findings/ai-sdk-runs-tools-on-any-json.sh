#!/usr/bin/env bash
# ai 6.0.326 (npm): a tool whose input is described by `jsonSchema(…)` runs on whatever the model
# sends.
#
# Guess: what breaks the schema goes back to the model as an error, as with zod. Seen: nothing is
# checked unless one gives `jsonSchema` a `validate` of one's own. Less than the minimum, another
# name, a list, a bare text, no input at all: `execute` is called, with a value that its types rule
# out. The same schema through `z.fromJSONSchema` is checked. MCP tools and definitions from
# elsewhere come as JSON Schema. Who takes an agent's schema from Callboard passes a `validate`;
# Callboard itself calls no tools.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ai@6.0.326 zod@4.6.7
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { generateText, jsonSchema, stepCountIs, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import * as z from "zod";

const schema = {
  type: "object",
  properties: { amount: { type: "integer", minimum: 1 } },
  required: ["amount"],
  additionalProperties: false,
};
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
const answer = (raw, part) => ({
  finishReason: { unified: raw, raw }, usage, content: [part], warnings: [],
});

async function runs(inputSchema, input) {
  const answers = [
    answer("tool-calls", { type: "tool-call", toolCallId: "1", toolName: "pay", input }),
    answer("stop", { type: "text", text: "Done." }),
  ];
  let got = "not run";
  const pay = tool({ inputSchema, execute: async (value) => (got = JSON.stringify(value)) });
  const model = new MockLanguageModelV3({ doGenerate: async () => answers.shift() });
  await generateText({ model, prompt: "Pay.", stopWhen: stepCountIs(2), tools: { pay } });
  return got;
}

const seen = {};
for (const input of ['{"amount":5}', '{"amount":-5}', '{"amout":5}', '"five"', "[]", ""]) {
  const schemas = [jsonSchema(schema), z.fromJSONSchema(schema)];
  seen[input] = await Promise.all(schemas.map((kind) => runs(kind, input)));
}
console.log("input: [with jsonSchema, with zod]", seen);
assert.deepStrictEqual(seen, {
  '{"amount":5}': ['{"amount":5}', '{"amount":5}'],
  '{"amount":-5}': ['{"amount":-5}', "not run"],
  '{"amout":5}': ['{"amout":5}', "not run"],
  '"five"': ['"five"', "not run"],
  "[]": ["[]", "not run"],
  "": ["{}", "not run"],
});
JAVASCRIPT
node finding.mjs
