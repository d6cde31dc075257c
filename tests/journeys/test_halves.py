"""A page that comes in two halves: nothing that is painted moves when the rest is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.walking import WATCHES
from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]
#: seconds between the halves, in which a browser paints what it has
PAUSE = 2.5
PAINTED = """
() => performance.getEntriesByName("first-contentful-paint")[0].startTime
  - performance.getEntriesByType("navigation")[0].responseStart
"""


@pytest.fixture
def halves(installation: Installation) -> Iterator[str]:
    """The address of a relay that sends lists of agents up to the third row, and then the rest."""

    class Relay(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            connection = HTTPConnection("127.0.0.1", installation.port, timeout=60)
            headers = {"Host": f"127.0.0.1:{installation.port}"}
            connection.request(
                "GET", self.path, headers=headers | {"Cookie": self.headers["Cookie"] or ""}
            )
            answer = connection.getresponse()
            # It relays no socket.
            body = answer.read().replace(b"hx-ws:connect=", b"data-socket=")
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"] or "text/plain")
            self.end_headers()
            first, rest = body, b""
            if self.path.startswith("/agents?"):
                parts = body.split(b"</tr>")
                first, rest = b"</tr>".join(parts[:4]), b"</tr>".join([b"", *parts[4:]])
            self.wfile.write(first)
            if rest:
                self.wfile.flush()
                Event().wait(PAUSE)
                self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            """The console is the tests'."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_list_of_which_the_rest_comes_late_stands_still(
    installation: Installation, page: Page, sign_in: SignIn, halves: str
) -> None:
    for number in range(12):
        name = f"Halved {number} " + ("With A Name That Takes Much Room " * 3 if number < 6 else "")
        model = "a-model-of-a-long-name" if number < 6 else "m"
        body = {"name": name, "handle": f"halved-{number}", "instructions": "Wait.", "model": model}
        installation.request("POST", "/agents", body)
    sign_in(page)
    page.add_init_script(WATCHES)
    page.goto(f"{halves}/agents?q=halved")
    expect(page.locator("#agents tbody tr")).to_have_count(12)
    assert page.evaluate(PAINTED) > 1000 * PAUSE
    page.wait_for_timeout(500)
    assert page.evaluate("window.shifts.sum") < 0.005, page.evaluate("window.shifts.of")
