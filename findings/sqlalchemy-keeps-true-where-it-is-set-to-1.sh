#!/usr/bin/env bash
# SQLAlchemy 2.1.9 (PyPI): a JSON column that is set to another JSON document may not be saved.
#
# Guess: assigning another value to an attribute and committing writes it. Seen: where the old value
# has been read, the unit of work asks Python's `==`, to which true and 1 are one, and 1 and 1.0,
# and keys in any order: no UPDATE is sent, nothing is raised, and the object reads as it was. Where
# it has not been read, the same assignment is saved. `flag_modified`, or a type of one's own with
# another `compare_values`, helps. Callboard has such types, and compares what it keeps by the same
# function (`is_same_json` in webapp/core/database.py): true is not 1, and a schema is the same only
# if it is written the same.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'SQLAlchemy==2.1.9'
"$folder/venv/bin/python" - <<'PYTHON'
import json
from typing import Any

from sqlalchemy import JSON, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Agent(Base):
    __tablename__ = "agents"
    id: Mapped[int] = mapped_column(primary_key=True)
    schema: Mapped[dict[str, Any]] = mapped_column(JSON)


engine = create_engine("sqlite://")
Base.metadata.create_all(engine)


def kept(before: dict[str, Any], after: dict[str, Any], *, is_read: bool) -> str:
    """What the column holds at the end."""
    with Session(engine) as session:
        session.add(agent := Agent(schema=before))
        session.commit()
        if is_read:
            assert agent.schema == before
        agent.schema = after
        session.commit()
        return json.dumps(agent.schema)


for before, after in [
    ({"const": True}, {"const": 1}),
    ({"default": 1}, {"default": 1.0}),
    ({"reason": {}, "answer": {}}, {"answer": {}, "reason": {}}),
]:
    read, unread = (kept(before, after, is_read=is_read) for is_read in (True, False))
    print(f"{before} set to {after}: {read} where it was read, else {unread}")
    assert (read, unread) == (json.dumps(before), json.dumps(after))
assert kept({"const": 1}, {"const": 2}, is_read=True) == '{"const": 2}'
PYTHON
