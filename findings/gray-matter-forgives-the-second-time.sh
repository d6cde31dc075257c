#!/usr/bin/env bash
# gray-matter 4.0.3 (npm): the same broken front matter is an error once, and then is nothing at
# all.
#
# Guess: a file whose front matter is no YAML throws each time it is read, and each reader gets an
# object of its own. Seen: without options the result is kept before it is read. The second call
# returns empty `data` and no error, so that a retry or a watcher "cures" the file; and what one
# caller changes in `data`, the next one gets. An options object, even an empty one, switches this
# off. Who reads skills or prompts in Node passes `{}`; Callboard reads no front matter.
#
# Installs from npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts gray-matter@4.0.3
cat > finding.cjs <<'JAVASCRIPT'
const assert = require("node:assert");
const matter = require("gray-matter");

const read = (text, ...options) => {
  try {
    return JSON.stringify(matter(text, ...options).data);
  } catch (error) {
    return error.name;
  }
};
const broken = "---\ntools: [search\n---\nAnswer briefly.";
const sound = "---\nname: refunds\n---\nAnswer briefly.";

const without = [read(broken), read(broken)];
const withOptions = [read(broken, {}), read(broken, {})];
matter(sound).data.name = "changed by another reader";
console.log("broken, read twice:", without, "· with options:", withOptions);
console.log("sound, after somebody changed theirs:", read(sound));
assert.deepStrictEqual(without, ["YAMLException", "{}"]);
assert.deepStrictEqual(withOptions, ["YAMLException", "YAMLException"]);
assert.strictEqual(read(sound), '{"name":"changed by another reader"}');
JAVASCRIPT
node finding.cjs
