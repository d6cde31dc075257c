#!/usr/bin/env bash
# Flask-Limiter 4.1.1: a storage that has `__len__` and is empty counts as no storage.
#
# Guess: a storage of one's own may offer `len(storage)`, as a convenience for tests and metrics.
# Seen: the extension tests the truth of the object, so that `limiter.reset()` ends with an
# AssertionError while nothing is stored, and works once something is.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'Flask-Limiter==4.1.1' 'limits==5.8.0' 'Flask==3.1.3'
"$folder/venv/bin/python" - <<'PYTHON'
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import MemoryStorage


class Counted(MemoryStorage):
    STORAGE_SCHEME = ["counted"]

    def __len__(self) -> int:
        return len(self.storage)


app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, storage_uri="counted://", default_limits=["5/minute"])


@app.get("/")
def index() -> str:
    return "hello"


def outcome() -> str:
    try:
        limiter.reset()
    except AssertionError:
        return "AssertionError"
    return "reset"


with app.app_context():
    empty = outcome()
app.test_client().get("/")
with app.app_context():
    used = outcome()
print("reset of an empty storage:", empty, "· of one with a count:", used)
assert (empty, used) == ("AssertionError", "reset"), "It looks for None now."
PYTHON
