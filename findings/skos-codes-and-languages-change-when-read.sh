#!/usr/bin/env bash
# rdflib 7.6.0, pyoxigraph 0.5.13 (PyPI), n3 2.13.12 (npm): a thesaurus read is not the thesaurus
# written.
#
# Guess: a reader of Turtle keeps codes and language tags as they are written. Seen: of the codes
# 1.1 and 1.10, unquoted, pyoxigraph makes one, so that two concepts share it; rdflib turns "007"
# into "7", both where they are typed as numbers. n3 keeps all codes, but it and pyoxigraph write
# tags in small letters, so that `lang(?label) = "en-GB"`, as it stands in the file, finds nothing
# there and one label in rdflib. Who takes a taxonomy from SKOS compares tags without regard to case
# and reads codes typed as text. In Callboard a topic has an id and a label, both text.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'rdflib==7.6.0' 'pyoxigraph==0.5.13'
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts n3@2.13.12
cat > colours.ttl <<'TURTLE'
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<x:1> skos:notation 1.1 .
<x:2> skos:notation 1.10 .
<x:3> skos:notation "007"^^xsd:integer ; skos:prefLabel "Colour"@en-GB .
TURTLE
"$folder/venv/bin/python" - <<'PYTHON'
import pyoxigraph
import rdflib

SKOS = "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
CODES = SKOS + "SELECT ?code { ?concept skos:notation ?code }"
LABELS = SKOS + 'SELECT ?label { ?s skos:prefLabel ?label FILTER(lang(?label) = "en-GB") }'

graph = rdflib.Graph().parse("colours.ttl")
store = pyoxigraph.Store()
store.load(path="colours.ttl", format=pyoxigraph.RdfFormat.TURTLE)
seen = {}
for name, query in {"rdflib": graph.query, "pyoxigraph": store.query}.items():
    codes = sorted(str(getattr(row[0], "value", row[0])) for row in query(CODES))
    seen[name] = codes, len(list(query(LABELS)))
print(seen)
assert seen == {
    "rdflib": (["1.1", "1.10", "7"], 1),
    "pyoxigraph": (["1.1", "1.1", "7"], 0),
}
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Parser } from "n3";

const literals = new Parser().parse(readFileSync("colours.ttl", "utf8")).map((quad) => quad.object);
const tagged = ({ value, language }) => (language ? `${value}@${language}` : value);
const seen = literals.map(tagged);
console.log("n3:", seen);
assert.deepStrictEqual(seen, ["1.1", "1.10", "007", "Colour@en-gb"]);
JAVASCRIPT
node finding.mjs
