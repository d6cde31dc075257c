#!/usr/bin/env bash
# langgraph 1.2.24 with langgraph-prebuilt 1.1.3, langchain 1.5.2 (PyPI): a tool that is done runs
# again when a person approves another one.
#
# Guess: the model asks for two tools, one of them calls `interrupt` to be approved; the other has
# its result by then, and a checkpoint keeps it, as in an agent made by `create_agent`. Seen: with
# `ToolNode` as a node of a graph, which is how graphs of one's own run tools, the two are one
# step, and a step that was interrupted runs from its beginning: "charge" charges a second time
# when the refund is approved, while the thread holds one result of it. `create_agent` sends each
# call to a step of its own. Who has tools that ask sends each call apart (`Send`), or asks before
# any tool has run. Callboard runs no tools yet; when it does, it has to keep each call's result by
# its id before it waits for a person.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'langgraph==1.2.24' 'langgraph-prebuilt==1.1.3' 'langgraph-checkpoint==4.3.2' \
  'langchain==1.5.2' 'langchain-core==1.8.3'
"$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
from threading import Event
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

ASKED = {"charge": 5, "refund": 7}
done: list[str] = []
charged = Event()


@tool
def charge(amount: int) -> str:
    """Charge the customer."""
    done.append("charge")
    charged.set()
    return "charged"


@tool
def refund(amount: int) -> str:
    """Refund the customer, if somebody approves."""
    charged.wait(10)  # it takes longer than the other
    interrupt("Refund?")
    done.append("refund")
    return "refunded"


class Model(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


def asks() -> AIMessage:
    calls = [{"name": name, "args": {"amount": n}, "id": name} for name, n in ASKED.items()]
    return AIMessage("", tool_calls=calls)


def by_tool_node() -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [asks()]})
    graph.add_node("tools", ToolNode([charge, refund]))
    graph.add_edge(START, "model")
    graph.add_edge("model", "tools")
    return graph.compile(checkpointer=InMemorySaver())


def by_create_agent() -> Any:
    model = Model(messages=iter([asks(), AIMessage("Done.")]))
    return create_agent(model, [charge, refund], checkpointer=InMemorySaver())


def ran(agent: Any) -> list[list[str]]:
    """What ran until the pause, and in all; the results that the thread holds."""
    done.clear()
    charged.clear()
    thread = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [("user", "Charge 5, refund 7.")]}, thread)
    before = list(done)
    messages = agent.invoke(Command(resume=True), thread)["messages"]
    return [before, sorted(done), [each.content for each in messages if each.type == "tool"]]


seen = {"ToolNode": ran(by_tool_node()), "create_agent": ran(by_create_agent())}
print(seen)
results = ["charged", "refunded"]
assert seen == {
    "ToolNode": [["charge"], ["charge", "charge", "refund"], results],
    "create_agent": [["charge"], ["charge", "refund"], results],
}
PYTHON
