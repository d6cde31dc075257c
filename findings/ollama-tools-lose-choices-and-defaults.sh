#!/usr/bin/env bash
# ollama 0.6.3 (PyPI): a Python function given as a tool loses its choices, its defaults and its
# items.
#
# Guess: a function with type hints becomes the JSON Schema that pydantic gives for it. Seen in the
# request: what has a default is `required` all the same unless it may be None, and the default
# itself is gone; `Literal` and an Enum are plain strings; a list says nothing of its items; and
# `int | float` becomes the type "number, integer", in either order, which no JSON Schema knows. Who
# gives tools to it writes the schema out. In Callboard a tool is a name, and has no schema.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ollama==0.6.3'
"$folder/venv/bin/python" - <<'PYTHON'
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Literal

import ollama

ANSWER = {"model": "m", "message": {"role": "assistant", "content": "Done."}, "done": True}
requests = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def refund(
    order: str,
    reason: Literal["late", "broken"] = "late",
    lines: list[int] | None = None,
    amount: int | float = 0,
) -> None:
    """Pay an order back."""


server = HTTPServer(("127.0.0.1", 0), Server)
Thread(target=server.serve_forever, daemon=True).start()
client = ollama.Client(host=f"http://127.0.0.1:{server.server_port}")
client.chat("m", messages=[{"role": "user", "content": "Pay it back."}], tools=[refund])
schema = requests[0]["tools"][0]["function"]["parameters"]
print(json.dumps(schema))
assert schema["required"] == ["order", "reason", "amount"]
assert schema["properties"]["reason"] == {"type": "string", "description": ""}
assert schema["properties"]["lines"] == {"type": "array", "description": ""}
assert sorted(schema["properties"]["amount"]["type"].split(", ")) == ["integer", "number"]
PYTHON
