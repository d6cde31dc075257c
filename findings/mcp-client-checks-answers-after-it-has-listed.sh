#!/usr/bin/env bash
# @modelcontextprotocol/sdk 1.32.2 (npm): whether a tool's answer is checked depends on an earlier
# call.
#
# Guess: the client holds `structuredContent` to the tool's `outputSchema`, or never does. Seen: it
# knows schemas only from its own `listTools`. The same call with the same answer passes before it
# and raises -32602 after it, as does an answer without structured content. On the server side, one
# tool with a `z.date()` takes all tools out of the list (-32603), while each of them can still be
# called. Who serves tools tries the list with a real client, and the calls after it.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
  @modelcontextprotocol/sdk@1.32.2 zod@4.6.7
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";

async function clientOf(server) {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "finding", version: "1" });
  await Promise.all([server.connect(far), client.connect(near)]);
  return client;
}
const outcome = (promise) => promise.then(() => "passes", (error) => error.code);

const server = new Server({ name: "s", version: "1" }, { capabilities: { tools: {} } });
const count = {
  name: "count",
  inputSchema: { type: "object" },
  outputSchema: { type: "object", properties: { count: { type: "integer" } }, required: ["count"] },
};
server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: [count] }));
server.setRequestHandler(CallToolRequestSchema, async () => ({
  content: [], structuredContent: { count: "many" },
}));
const client = await clientOf(server);
const before = await outcome(client.callTool({ name: "count" }));
await client.listTools();
const after = await outcome(client.callTool({ name: "count" }));
console.log("a wrong answer before listTools:", before, "· after it:", after);
assert.deepStrictEqual([before, after], ["passes", -32602]);

const other = new McpServer({ name: "m", version: "1" });
const done = async () => ({ content: [{ type: "text", text: "Done." }] });
other.registerTool("plain", { inputSchema: { n: z.number() } }, done);
other.registerTool("dated", { inputSchema: { day: z.date().optional() } }, done);
const user = await clientOf(other);
const listed = await outcome(user.listTools());
const called = await outcome(user.callTool({ name: "plain", arguments: { n: 1 } }));
console.log("with one date, the list:", listed, "· a call:", called);
assert.deepStrictEqual([listed, called], [-32603, "passes"]);
JAVASCRIPT
node finding.mjs
