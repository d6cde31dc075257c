#!/usr/bin/env bash
# openai 3.57.0 (PyPI) and 6.49.0 (npm): a streamed answer is from "assistantassistantassistant".
#
# Guess: `chat.completions.stream` puts the pieces of content and arguments together, and keeps
# role, id and name, as the JavaScript helper does; servers that speak this API may send these with
# each chunk. Seen: the Python one appends every text that it does not know better. Three chunks
# with the role make a role that no API takes back with the next question; a tool's repeated id and
# name are doubled too, so that the call is for no tool. A number of the server's own, as a score,
# is added up. Nothing is raised, and the content is right, so that it shows one turn later. Who
# offers this API sends role, id and name once, in the first chunk. Callboard does not offer it
# yet, and will have to.
#
# Installs from PyPI and npm into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'openai==3.57.0'
npm install --silent --no-audit --no-fund --ignore-scripts openai@6.49.0
cat > server.py <<'PYTHON'
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def call(arguments):
    function = {"name": "refund", "arguments": arguments}
    return [{"index": 0, "id": "call_1", "type": "function", "function": function}]


DELTAS = {
    "talk": [{"content": "Hel", "score": 0.5}, {"content": "lo", "score": 0.5}],
    "call": [{"tool_calls": call('{"id"')}, {"tool_calls": call(": 7}")}],
}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta, reason in zip([*DELTAS[model], {}], [None, None, "stop"], strict=True):
            choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": reason}
            chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}
            data = json.dumps(chunk | {"choices": [choice]})
            self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *arguments):
        pass


httpd = HTTPServer(("127.0.0.1", 0), Handler)
Path("new").write_text(str(httpd.server_address[1]))
Path("new").rename("port")
httpd.serve_forever()
PYTHON
venv/bin/python server.py & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
cat > finding.py <<'PYTHON'
from pathlib import Path

from openai import OpenAI

address = f"http://127.0.0.1:{Path('port').read_text()}/v1"
client = OpenAI(base_url=address, api_key="none", max_retries=0)


def answer(model):
    ask = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    with client.chat.completions.stream(**ask) as stream:
        return stream.get_final_completion().choices[0].message


talk, tool = answer("talk"), answer("call")
[made] = tool.tool_calls
print(talk.role, talk.content, talk.score, made.id, made.function.name, made.function.arguments)
PYTHON
cat > finding.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const baseURL = `http://127.0.0.1:${readFileSync("port", "utf8")}/v1`;
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const answer = async (model) => {
  const messages = [{ role: "user", content: "Hello" }];
  const stream = client.chat.completions.stream({ model, messages });
  return (await stream.finalChatCompletion()).choices[0].message;
};
const [talk, tool] = [await answer("talk"), await answer("call")];
const [made] = tool.tool_calls;
const { name, arguments: given } = made.function;
console.log(talk.role, talk.content, talk.score, made.id, name, given);
JAVASCRIPT
python=$(venv/bin/python finding.py)
javascript=$(node finding.mjs)
echo "Python: $python"
echo "JavaScript: $javascript"
thrice=assistantassistantassistant
[ "$python" = "$thrice Hello 1.0 call_1call_1 refundrefund {\"id\": 7}" ]
[ "$javascript" = 'assistant Hello 0.5 call_1 refund {"id": 7}' ]
