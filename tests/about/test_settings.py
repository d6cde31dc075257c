"""Settings: declared once, told to the operator in the README and in sentences about bad ones."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from webapp import config
from webapp.config import BadSettings, Settings

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SUPERVISOR = [sys.executable, "-P", "webapp/engine/supervisor.py"]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi", "routes"]

NUMBER = "a whole number from"
DATABASES = "postgresql://user:password@host/name or sqlite:////path/to/file"
BAD = [
    ("PORT", "abc", f"PORT=abc cannot be used; allowed: {NUMBER} 1 to 65535."),
    ("PORT", "0", f"PORT=0 cannot be used; allowed: {NUMBER} 1 to 65535."),
    ("CALLBOARD_WORKERS", "x", f"CALLBOARD_WORKERS=x cannot be used; allowed: {NUMBER} 1 to 64."),
    (
        "CALLBOARD_RATE_LIMIT", "-1",
        f"CALLBOARD_RATE_LIMIT=-1 cannot be used; allowed: {NUMBER} 1.",
    ),
    ("CALLBOARD_LOG", "xml", "CALLBOARD_LOG=xml cannot be used; allowed: console or json."),
    (
        "CALLBOARD_SECURE_COOKIES", "maybe",
        "CALLBOARD_SECURE_COOKIES=maybe cannot be used; allowed: 0 or 1.",
    ),
    (
        "CALLBOARD_EMBEDDER_URL", "ftp://x",
        "CALLBOARD_EMBEDDER_URL=ftp://x cannot be used; "
        "allowed: an address that begins with http:// or https://.",
    ),
    (
        "DATABASE_URL", "mysql://root:hunter2@host/name",
        f"DATABASE_URL cannot be used; allowed: {DATABASES}.",
    ),
    ("DATABASE_URL", "sqlite:///", f"DATABASE_URL cannot be used; allowed: {DATABASES}."),
    (
        "CALLBOARD_ADMIN_API_KEY", "x" * 23,
        "CALLBOARD_ADMIN_API_KEY cannot be used; allowed: at least 24 printable ASCII characters.",
    ),
    (
        "CALLBOARD_ADMIN_EMAIL", "a@example.com",
        "CALLBOARD_ADMIN_PASSWORD is missing; "
        "CALLBOARD_ADMIN_EMAIL and CALLBOARD_ADMIN_PASSWORD are set together.",
    ),
]  # fmt: skip


def test_the_readme_has_the_table_that_is_made_from_the_declarations() -> None:
    assert config.table() in (ROOT / "README.md").read_text(), (
        "python -m webapp.config README.md writes it."
    )


def test_nothing_else_reads_a_variable_of_its_own() -> None:
    files = [ROOT / "gunicorn.conf.py", *(ROOT / "webapp").rglob("*.py")]
    reading = [path.name for path in files if "os.environ" in path.read_text()]
    # systemd's variables are no settings; a supervisor hands all of them on, a runner has none.
    assert sorted(reading) == ["config.py", "forkserver.py", "readiness.py", "supervisor.py"]


def test_a_value_is_read_in_its_type(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "CALLBOARD_DATA": str(tmp_path),
            "PORT": "81",
            "CALLBOARD_SECURE_COOKIES": "1",
            "DATABASE_URL": "postgres://me:secret@host/name",
            "CALLBOARD_ORGANIZATION": "",
            "HOME": "/elsewhere",
        }
    )
    assert (settings.port, settings.secure_cookies) == (81, True)
    assert settings.database_url == "postgresql+psycopg://me:secret@host/name"
    assert settings.organization == "My organization"
    assert settings.base_url == "http://127.0.0.1:81"
    assert "secret" not in repr(settings).replace("secret_key", "")


@pytest.mark.parametrize(("name", "value", "sentence"), BAD, ids=lambda text: text[:28])
def test_a_bad_value_is_a_sentence(name: str, value: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        Settings.from_environment({"CALLBOARD_DATA": str(tmp_path), name: value})
    assert str(refused.value) == sentence


def test_all_bad_values_are_named_at_once(tmp_path: Path) -> None:
    values = {"CALLBOARD_DATA": str(tmp_path), "PORT": "x", "CALLBOARD_PROXIES": "many"}
    with pytest.raises(BadSettings) as refused:
        Settings.from_environment(values)
    assert str(refused.value).splitlines() == [
        f"PORT=x cannot be used; allowed: {NUMBER} 1 to 65535.",
        f"CALLBOARD_PROXIES=many cannot be used; allowed: {NUMBER} 0 to 10.",
    ]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadSettings) as refused:
        Settings.from_environment({"CALLBOARD_DATA": str(file)})
    assert str(refused.value) == (
        f"CALLBOARD_DATA={file} cannot be used; "
        "allowed: a folder that Callboard may write to (File exists)."
    )
    url = f"sqlite:///{file}/database"
    with pytest.raises(BadSettings, match=r"^DATABASE_URL cannot be used; .*Not a directory"):
        Settings.from_environment({"CALLBOARD_DATA": str(tmp_path), "DATABASE_URL": url})


@pytest.mark.parametrize("command", [SUPERVISOR, GUNICORN, FLASK], ids=["run", "web", "flask"])
def test_a_bad_value_ends_the_start_without_a_traceback(command: list[str], tmp_path: Path) -> None:
    environment = os.environ | {"CALLBOARD_DATA": str(tmp_path), "PORT": "abc"}
    ended = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == f"{BAD[0][2]}\n"


def test_nobody_but_the_owner_can_read_the_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    open_to_all = os.umask(0)
    try:
        Settings.from_environment({"CALLBOARD_DATA": str(folder)})
        connection = sqlite3.connect(folder / "callboard.sqlite3")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE secrets (id)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        connection.close()
    finally:
        os.umask(open_to_all)
    beside = dict.fromkeys(("callboard.sqlite3-wal", "callboard.sqlite3-shm"), 0o600)
    assert modes == {"callboard.sqlite3": 0o600, "secret_key": 0o600} | beside
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    names = ("callboard.sqlite3", "callboard.sqlite3-wal", "callboard.sqlite3-shm")
    for name in names:
        (tmp_path / name).touch(0o644)
    Settings.from_environment({"CALLBOARD_DATA": str(tmp_path)})
    for name in names:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
