#!/usr/bin/env bash
# langgraph 1.2.24, langgraph-checkpoint 4.3.2 (PyPI): a pause for a person moves a time by an hour.
#
# Guess: what a node put into the state is there after an interrupt as it is without one; the
# serializer says that it keeps types. Seen: a datetime comes back with the offset of that day
# instead of its zone, so that "the same time tomorrow" is an hour off when the clocks change, and
# is right in a run without a pause. `==` says that nothing changed. A tuple is a list then, which
# is no key of a dict, a Counter or a deque with `maxlen` a plain one. So a graph that was tested
# without waiting fails, or errs, with it. Who keeps local times in a state keeps the zone's name
# beside them. Callboard's times are UTC.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'langgraph==1.2.24' 'langgraph-checkpoint==4.3.2' 'tzdata==2026.6'
PYTHONTZPATH="" "$folder/venv/bin/python" - <<'PYTHON'
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict, total=False):
    asks: bool
    first: datetime
    place: tuple[int, int]
    votes: Counter[str]
    seen: list[Any]


def begin(state: State) -> State:
    first = datetime(2026, 10, 24, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    return {"first": first, "place": (4, 2), "votes": Counter("aab")}


def ask(state: State) -> State:
    if state["asks"]:
        interrupt("Go on?")
    return {}


def plan(state: State) -> State:
    tomorrow = state["first"] + timedelta(days=1)
    kinds = [type(state[name]).__name__ for name in ("place", "votes")]
    return {"seen": [tomorrow.isoformat(), *kinds]}


graph = StateGraph(State)
for step in (begin, ask, plan):
    graph.add_node(step.__name__, step)
for edge in ((START, "begin"), ("begin", "ask"), ("ask", "plan"), ("plan", END)):
    graph.add_edge(*edge)
app = graph.compile(checkpointer=InMemorySaver())

at_once = app.invoke({"asks": False}, {"configurable": {"thread_id": "1"}})
waiting = {"configurable": {"thread_id": "2"}}
app.invoke({"asks": True}, waiting)
paused = app.invoke(Command(resume="yes"), waiting)
print("without a pause:", at_once["seen"], "· with one:", paused["seen"])
assert at_once["seen"] == ["2026-10-25T09:00:00+01:00", "tuple", "Counter"]
assert paused["seen"] == ["2026-10-25T09:00:00+02:00", "list", "dict"]
assert at_once["first"] == paused["first"]
PYTHON
