#!/usr/bin/env bash
# httpx 0.28.1, ollama 0.6.3 (PyPI): a line of JSON is cut in two where its text has a U+0085.
#
# Guess: `iter_lines()` ends a line at a line feed, as NDJSON and event streams say, so that each
# line is one JSON document. Seen: it ends lines as `str.splitlines` does, also at U+0085, U+2028
# and U+2029, which JSON allows within a text and which come with copied slides and old ellipses.
# Ollama's client reads an answer by it and raises JSONDecodeError in the middle. `iter_lines()` of
# requests 2.34.2 is right, since it splits bytes. Who reads NDJSON with httpx splits
# `iter_bytes()` at line feeds; who writes it escapes them, as `json.dumps` does by itself.
# Callboard writes no NDJSON, and its event streams escape what is not ASCII.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'httpx==0.28.1' 'requests==2.34.2' 'ollama==0.6.3'
"$folder/venv/bin/python" - <<'PYTHON'
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import ollama
import requests

PARTS = [
    {"message": {"role": "assistant", "content": text}, "done": text == "!"}
    for text in ("One moment\u0085", "here\u2028it is", "!")
]
BODY = b"".join(json.dumps(part, ensure_ascii=False).encode() + b"\n" for part in PARTS)


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
with httpx.stream("POST", address, json={}) as response:
    with_httpx = len(list(response.iter_lines()))
with_requests = [
    json.loads(line) for line in requests.post(address, json={}, stream=True).iter_lines()
]
try:
    for _part in ollama.Client(host=address).chat("m", stream=True):
        pass
    with_ollama = "read"
except json.JSONDecodeError as error:
    with_ollama = type(error).__name__
print(f"{len(PARTS)} lines; httpx: {with_httpx}; requests: {len(with_requests)}; "
      f"ollama: {with_ollama}")
assert (with_httpx, with_requests, with_ollama) == (5, PARTS, "JSONDecodeError")
PYTHON
