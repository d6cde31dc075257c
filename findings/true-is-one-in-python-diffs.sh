#!/usr/bin/env bash
# jsondiff 2.2.1, json-merge-patch 0.3.0, deepdiff 9.1.0 (PyPI): a change from true to 1 can get
# lost.
#
# Guess: libraries that compare JSON documents know that `true` and `1` differ, since their users
# store the patch instead of the document. Seen: jsondiff and json-merge-patch compare with `==` and
# find no change; DeepDiff finds it in an object and not in a list, so that its Delta leads to
# another document than the one it was made from. jsonpatch 1.48 is right. Who keeps patches applies
# each once, and compares the text of the result. Callboard keeps whole versions, and tells true
# from 1 in them.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'jsondiff==2.2.1' 'json-merge-patch==0.3.0' 'deepdiff==9.1.0' 'jsonpatch==1.48'
"$folder/venv/bin/python" - <<'PYTHON'
import copy
import json

import json_merge_patch
import jsondiff
import jsonpatch
from deepdiff import DeepDiff, Delta

CHANGES = {
    "object": ({"enabled": True}, {"enabled": 1}),
    "list": (["search", 2, True], ["browse", 2, 1]),
}
PATCHED = {
    "jsonpatch": lambda old, new: jsonpatch.make_patch(old, new).apply(old),
    "jsondiff": lambda old, new: jsondiff.patch(old, jsondiff.diff(old, new)),
    "deepdiff": lambda old, new: old + Delta(DeepDiff(old, new)),
    "json-merge-patch": lambda old, new: json_merge_patch.merge(
        old, json_merge_patch.create_patch(old, new)
    ),
}
wrong = []
for kind, (old, new) in CHANGES.items():
    for name, patched in PATCHED.items():
        if name == "json-merge-patch" and kind == "list":
            continue  # merge patches replace lists as a whole
        result = json.dumps(patched(copy.deepcopy(old), new))
        print(f"{kind}, {name}: {json.dumps(new)} came out as {result}")
        if result != json.dumps(new):
            wrong.append(f"{kind} {name}")
assert wrong == [
    "object jsondiff", "object json-merge-patch", "list jsondiff", "list deepdiff"
], wrong
PYTHON
