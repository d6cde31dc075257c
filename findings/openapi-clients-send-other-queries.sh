#!/usr/bin/env bash
# orval 7.13.2, swagger-typescript-api 13.13.0 (npm), openapi-python-client 0.29.1 (PyPI): generated
# clients ask for something else than the document says.
#
# Guess: where a document says how a list or an object stands in the address, the generated client
# writes it so, or the generator warns. Seen: of five, none writes a list with `explode: false` as
# `state=x,y`. orval with axios writes `tag[]=a`, which is another parameter. An object in
# `deepObject` is "[object Object]" from two, and the Python client spreads it, so that
# `filter[tag]` takes the place of the parameter `tag`. orval and swagger-typescript-api put ids
# into paths as they are: "a/b" is another resource, and "x?y" the run "x". openapi-fetch 0.17.0
# encodes, and knows `deepObject`. Who writes an API keeps to plain values and ids without signs.
# Callboard's queries are plain values, and its ids UUIDs, numbers and slugs.
#
# Installs from npm and PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'openapi-python-client==0.29.1' 'httpx==0.28.1'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts orval@7.13.2 axios@1.18.1 \
  swagger-typescript-api@13.13.0 openapi-fetch@0.17.0 esbuild@0.27.7 typescript@5.9.3
cat > openapi.json <<'JSON'
{"openapi": "3.1.0", "info": {"title": "Runs", "version": "1"}, "paths": {
 "/runs": {"get": {"operationId": "listRuns", "parameters": [
  {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
  {"name": "state", "in": "query", "style": "form", "explode": false,
   "schema": {"type": "array", "items": {"type": "string"}}},
  {"name": "filter", "in": "query", "style": "deepObject", "explode": true,
   "schema": {"type": "object", "properties": {"tag": {"type": "string"}}}}],
  "responses": {"200": {"description": "Runs.", "content": {
   "application/json": {"schema": {"type": "object"}}}}}}},
 "/runs/{id}": {"get": {"operationId": "getRun", "parameters": [
  {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
  "responses": {"200": {"description": "A run.", "content": {
   "application/json": {"schema": {"type": "object"}}}}}}}}}
JSON
cat > orval.config.cjs <<'JAVASCRIPT'
const made = (target, client) => ({ input: "openapi.json", output: { target, client } });
module.exports = {
  fetch: made("orval/fetch.ts", "fetch"),
  axios: made("orval/axios.ts", "axios-functions"),
};
JAVASCRIPT
npx orval --config orval.config.cjs > generated.log 2>&1
npx swagger-typescript-api generate -p openapi.json -o swagger -n api.ts >> generated.log 2>&1
venv/bin/openapi-python-client generate --path openapi.json --output-path python --meta none \
  >> generated.log 2>&1
cat > finding.ts <<'JAVASCRIPT'
import assert from "node:assert";
import axios from "axios";
import createClient from "openapi-fetch";
import * as byAxios from "./orval/axios";
import * as byFetch from "./orval/fetch";
import { Api } from "./swagger/api";

const BASE = "http://127.0.0.1:9";
let asked = "";
globalThis.fetch = (async (input: any) => {
  asked = String(input.url ?? input).replace(BASE, "");
  return Response.json({});
}) as any;
axios.defaults.adapter = async (config: any) => {
  asked = axios.getUri(config);
  return { data: {}, status: 200, statusText: "", headers: {}, config };
};
const query: any = { tag: ["a", "b"], state: ["x", "y"], filter: { tag: "z" } };
const swagger = new Api({ baseUrl: BASE });
const fetching = createClient<any>({ baseUrl: BASE });
const clients: Record<string, [() => unknown, (id: string) => unknown]> = {
  "orval, axios": [() => byAxios.listRuns(query), (id) => byAxios.getRun(id)],
  "orval, fetch": [() => byFetch.listRuns(query), (id) => byFetch.getRun(id)],
  "swagger-typescript-api": [
    () => swagger.runs.listRuns(query), (id) => swagger.runs.getRun(id),
  ],
  "openapi-fetch": [
    () => fetching.GET("/runs", { params: { query } }),
    (id) => fetching.GET("/runs/{id}", { params: { path: { id } } }),
  ],
};
(async () => {
  const seen: Record<string, string[]> = {};
  for (const [name, [list, get]] of Object.entries(clients)) {
    await list();
    seen[name] = [asked];
    for (const id of ["a/b", "x?y"]) {
      await get(id);
      seen[name].push(asked);
    }
    seen[name] = seen[name].map((address, at) => (at ? address : decodeURIComponent(address)));
  }
  console.log(seen);
  assert.deepStrictEqual(seen, {
    "orval, axios": [
      "/runs?tag[]=a&tag[]=b&state[]=x&state[]=y&filter[tag]=z", "/runs/a/b", "/runs/x?y",
    ],
    "orval, fetch": [
      "/runs?tag=a&tag=b&state=x&state=y&filter=[object+Object]", "/runs/a/b", "/runs/x?y",
    ],
    "swagger-typescript-api": [
      "/runs?tag=a&tag=b&state=x&state=y&filter=[object Object]", "/runs/a/b", "/runs/x?y",
    ],
    "openapi-fetch": [
      "/runs?tag=a&tag=b&state=x&state=y&filter[tag]=z", "/runs/a%2Fb", "/runs/x%3Fy",
    ],
  });
})();
JAVASCRIPT
npx esbuild finding.ts --bundle --platform=node --format=cjs --outfile=finding.cjs \
  --log-level=error
node finding.cjs
venv/bin/python - <<'PYTHON'
import httpx
from python.api.default import list_runs
from python.models.list_runs_filter import ListRunsFilter

arguments = list_runs._get_kwargs(
    tag=["a", "b"], state=["x", "y"], filter_=ListRunsFilter(tag="z")
)
seen = str(httpx.Request(**arguments | {"url": "http://127.0.0.1" + arguments["url"]}).url)
print("openapi-python-client:", seen)
assert seen == "http://127.0.0.1/runs?tag=z&state=x&state=y"
PYTHON
