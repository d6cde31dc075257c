"""What runs have in common is loaded before the first of them, where they fork from."""

from __future__ import annotations

import subprocess
import sys

from tests.server import ROOT

#: asks a server of each protocol, in the process itself, and prints what that loads
CODE = """
import json, socket, sys, threading
from tests.executions.runtime.conftest import make_order
from tests.support.anthropic import AnthropicServer
from tests.support.openai import OpenAIServer
from webapp.engine.channel import Channel, encode
from webapp.executions.runtime import program

def be_worker(connection):
    for line in connection.makefile():
        number, message = json.loads(line)
        if number:
            answer = {"passages": []} if message["ask"] == "search" else {}
            connection.sendall(encode(number, answer))
        elif "result" in message:
            return

program.warm_up()
threads, loaded, pairs = threading.active_count(), set(sys.modules), []
for kind in (OpenAIServer, AnthropicServer):
    with kind() as server:
        order = make_order(server, tools=["calculator"])
        pairs.append(socket.socketpair())  # who loses the other end ends its process
        ours, theirs = pairs[-1]
        worker = threading.Thread(target=be_worker, args=(ours,))
        worker.start()
        program.run(order, Channel(theirs))
        worker.join()
print(threads, sorted(sys.modules.keys() - loaded))
"""


def test_a_run_loads_nothing_that_is_not_loaded() -> None:
    command = [sys.executable, "-c", CODE]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "1 []\n"
