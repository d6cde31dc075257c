#!/usr/bin/env bash
# temporalio 1.35.0 (PyPI): of two dataclasses the first one that can be filled is taken, whatever
# was sent.
#
# Guess: an activity that answers `Approved | Rejected` gets its Rejected through: each has fields
# of its own, and what fits one class exactly is of that class. Seen: the classes are tried in the
# order of the type, and fields that a class does not know are dropped without a word. So a
# Rejected with a reason comes back as Approved where Approved needs no more than they share, also
# within another dataclass or a list, and the reason is gone. The other order is right for both,
# and so is `pydantic_data_converter` in each. Who lets a person decide, or a tool fail, within a
# workflow takes that converter, or a field that names the kind. Callboard runs no workflows yet;
# what its steps hand on has to name its kind.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'temporalio==1.35.0' 'pydantic==2.14.4'
"$folder/venv/bin/python" - <<'PYTHON'
from dataclasses import dataclass
from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter


@dataclass
class Approved:
    by: str


@dataclass
class Rejected:
    by: str
    reason: str


@dataclass
class Step:
    decision: Approved | Rejected


def through(converter: DataConverter, value: Any, hint: Any) -> Any:
    """What clients and workers do with an argument or a result, with its type at the other end."""
    payloads = converter.payload_converter.to_payloads([value])
    return converter.payload_converter.from_payloads(payloads, [hint])[0]


no = Rejected("ada", "too dear")
plain, strict = DataConverter.default, pydantic_data_converter
seen = [
    through(plain, no, Approved | Rejected),
    through(plain, no, Rejected | Approved),
    through(plain, Approved("ada"), Rejected | Approved),
    through(plain, Step(no), Step),
    through(plain, [no], list[Approved | Rejected]),
]
print(seen)
yes = Approved("ada")
assert seen == [yes, no, yes, Step(yes), [yes]]
assert through(plain, no, Rejected) == no
assert through(strict, no, Approved | Rejected) == no
assert through(strict, [no], list[Approved | Rejected]) == [no]
assert through(strict, Step(no), Step) == Step(no)
PYTHON
