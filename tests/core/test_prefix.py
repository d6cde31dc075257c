"""What a request's headers may say about where it came from: nothing but what a setting allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import request, url_for

from webapp import create_app
from webapp.config import Settings

ROOT = Path(__file__).parents[2]
SAID = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Port": "444",
}


def seen(tmp_path: Path, path: str = "/agents", **values: object) -> list[str]:
    """The address of the caller, what the application takes for its own, and a link."""
    settings = Settings(
        data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/x.sqlite3", secret_key="x"
    ).model_copy(update=values)
    app = create_app(settings)
    found: list[str] = []

    def look() -> str:
        found.extend([str(request.remote_addr), request.root_url, url_for("agents.index")])
        return "seen"

    app.before_request_funcs[None].insert(0, look)
    app.test_client().get(path, headers=SAID)
    return found


@pytest.mark.once
def test_without_proxies_no_header_is_believed(tmp_path: Path) -> None:
    assert seen(tmp_path) == ["127.0.0.1", "http://localhost/", "/agents"]


@pytest.mark.once
def test_a_proxy_is_believed_about_the_caller_and_the_scheme(tmp_path: Path) -> None:
    assert seen(tmp_path, proxies=1) == ["198.51.100.7", "https://localhost/", "/agents"]
    assert seen(tmp_path, proxies=2)[0] == "203.0.113.9"


@pytest.mark.once
@pytest.mark.parametrize("path", ["/callboard/agents", "/agents"], ids=["kept", "stripped"])
def test_the_setting_says_below_which_path_pages_are(tmp_path: Path, path: str) -> None:
    url = "https://tools.example/callboard/"
    assert seen(tmp_path, path, url=url, proxies=1) == [
        "198.51.100.7", "https://localhost/callboard/", "/callboard/agents",
    ]  # fmt: skip


@pytest.mark.once
def test_no_page_and_no_script_writes_a_path_of_its_own() -> None:
    files = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("static/js/*.js")]
    path = re.compile(r"""(=|fetch\(|url: ?|init\()["'`]/(?!/)""")
    assert len(files) > 50
    assert [file.name for file in files if path.search(file.read_text())] == []
