"""Every setting of Callboard: its variable, type, default, range and meaning, declared once.

The README's table and the sentences about bad values are made from the declarations.
`python -m webapp.config README.md` writes the table.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic.fields import FieldInfo

MEBIBYTE = 1024 * 1024
WEB_ADDRESS = "an address that begins with http:// or https://"
IS_KEY = r"^[!-~][ -~]{22,}[!-~]$"
IS_WEB_ADDRESS = "^https?://[^/]"


class BadSettings(Exception):
    """What the operator set cannot be used; each line names a variable and what is allowed."""


def _variable(
    name: str, meaning: str, *, allowed: str = "", default: str = "", **limits: Any
) -> FieldInfo:
    """A setting read from the variable `name`.

    `allowed` and `default` are words for the operator, where the type and the value say too
    little; `limits` are pydantic's.
    """
    words: dict[str, Any] = {"allowed": allowed, "default": default}
    info: FieldInfo = Field(
        validation_alias=name, description=meaning, json_schema_extra=words, **limits
    )
    return info


def _with_driver(url: object) -> object:
    """`postgresql://` and `postgres://` mean the driver that is installed: psycopg 3."""
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", str(url))


class Settings(BaseModel):
    """One start's settings. Sizes are bytes, limits are per minute."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)

    host: Annotated[str, _variable("HOST", "address that the web processes listen on")] = (
        "127.0.0.1"
    )
    port: Annotated[int, _variable("PORT", "port that they listen on", ge=1, le=65_535)] = 8000
    data_dir: Annotated[
        Path,
        _variable(
            "CALLBOARD_DATA",
            "folder for the database, the secret key and the leases",
            allowed="a folder that Callboard may write to",
            default="`./instance`",
        ),
    ]
    database_url: Annotated[
        str,
        BeforeValidator(_with_driver),
        _variable(
            "DATABASE_URL",
            "the database; PostgreSQL where one machine is not enough",
            allowed="postgresql://user:password@host/name or sqlite:////path/to/file",
            default="a SQLite file in there",
            repr=False,
        ),
    ]
    secret_key: Annotated[
        str,
        _variable(
            "SECRET_KEY",
            "signs sessions and seals secrets",
            default="made and kept in the data folder",
            repr=False,
        ),
    ]
    secret_key_fallbacks: Annotated[
        str,
        _variable(
            "SECRET_KEY_FALLBACKS",
            "earlier values of `SECRET_KEY`, which are still believed until "
            "`flask --app wsgi secrets rotate` has run",
            allowed="keys, separated by commas",
            repr=False,
        ),
    ] = ""
    url: Annotated[
        str | None,
        _variable(
            "CALLBOARD_URL",
            "where people reach Callboard: links begin with it, pages are served below its path, "
            "and only they may open sockets",
            allowed=WEB_ADDRESS,
            default="`http://HOST:PORT`",
            pattern=IS_WEB_ADDRESS,
        ),
    ] = None
    workers: Annotated[
        int, _variable("CALLBOARD_WORKERS", "workers that `make run` starts", ge=1, le=64)
    ] = 1
    web_concurrency: Annotated[int, _variable("WEB_CONCURRENCY", "web processes", ge=1, le=64)] = 1
    organization: Annotated[
        str, _variable("CALLBOARD_ORGANIZATION", "name of the first organization")
    ] = "My organization"
    admin_email: Annotated[
        str | None,
        _variable(
            "CALLBOARD_ADMIN_EMAIL", "the first admin, made without a visit to the setup page"
        ),
    ] = None
    admin_password: Annotated[
        str | None,
        _variable("CALLBOARD_ADMIN_PASSWORD", "the first admin's password", repr=False),
    ] = None
    admin_api_key: Annotated[
        str | None,
        _variable(
            "CALLBOARD_ADMIN_API_KEY",
            "an API key of the first admin",
            allowed="at least 24 printable ASCII characters",
            pattern=IS_KEY,
            repr=False,
        ),
    ] = None
    max_body: Annotated[
        int,
        _variable("CALLBOARD_MAX_BODY", "largest request body, in bytes", default="1 MiB", ge=1),
    ] = MEBIBYTE
    max_upload: Annotated[
        int,
        _variable("CALLBOARD_MAX_UPLOAD", "largest upload, in bytes", default="50 MiB", ge=1),
    ] = 50 * MEBIBYTE
    rate_limit: Annotated[
        int,
        _variable(
            "CALLBOARD_RATE_LIMIT", "requests a minute for a key, a session or an address", ge=1
        ),
    ] = 6000
    sign_in_limit: Annotated[
        int,
        _variable(
            "CALLBOARD_SIGN_IN_LIMIT",
            "sign-in attempts a minute for an address and for an account",
            ge=1,
        ),
    ] = 10
    task_hours: Annotated[
        int,
        _variable(
            "CALLBOARD_TASK_HOURS",
            "hours that a completed or cancelled task is kept",
            ge=1,
            le=87_600,
        ),
    ] = 24
    history_days: Annotated[
        int,
        _variable(
            "CALLBOARD_HISTORY_DAYS",
            "days that history is kept: coverage, failed tasks, messages to webhooks, questions, "
            "unanswered ones since they were asked last",
            ge=1,
            le=36_500,
        ),
    ] = 90
    deleted_days: Annotated[
        int,
        _variable(
            "CALLBOARD_DELETED_DAYS",
            "days that a deleted document can be restored",
            ge=1,
            le=36_500,
        ),
    ] = 30
    execution_days: Annotated[
        int,
        _variable(
            "CALLBOARD_EXECUTION_DAYS",
            "days that executions are kept after their end, where their organization says "
            "nothing else",
            ge=1,
            le=36_500,
        ),
    ] = 90
    log_days: Annotated[
        int,
        _variable("CALLBOARD_LOG_DAYS", "the same of their logs", ge=1, le=36_500),
    ] = 30
    log_lines: Annotated[
        int,
        _variable(
            "CALLBOARD_LOG_LINES",
            "lines that the log of an execution has room for",
            ge=10,
            le=100_000,
        ),
    ] = 10_000
    log_bytes: Annotated[
        int,
        _variable("CALLBOARD_LOG_BYTES", "the same in bytes", default="4 MiB", ge=1000),
    ] = 4 * MEBIBYTE
    output_bytes: Annotated[
        int,
        _variable(
            "CALLBOARD_OUTPUT_BYTES",
            "largest output of an execution, in bytes",
            default="1 MiB",
            ge=100,
        ),
    ] = MEBIBYTE
    audit_days: Annotated[
        int,
        _variable(
            "CALLBOARD_AUDIT_DAYS",
            "days that audit entries and the usage of executions are kept",
            ge=1,
            le=36_500,
        ),
    ] = 730
    allowed_hosts: Annotated[
        str,
        _variable(
            "CALLBOARD_ALLOWED_HOSTS",
            "private hosts that webhooks may call",
            allowed="names, addresses and networks: `hooks.internal, 10.1.0.0/16`",
        ),
    ] = ""
    waiting_writers: Annotated[
        int,
        _variable(
            "CALLBOARD_WAITING_WRITERS",
            "requests of a web process that may wait to write at once; those beyond are told "
            "to try again",
            ge=1,
            le=15,
        ),
    ] = 8
    write_wait: Annotated[
        int,
        _variable("CALLBOARD_WRITE_WAIT", "seconds that one of them waits", ge=1, le=60),
    ] = 10
    secure_cookies: Annotated[
        bool, _variable("CALLBOARD_SECURE_COOKIES", "`1` behind HTTPS: cookies go over it only")
    ] = False
    proxies: Annotated[
        int,
        _variable(
            "CALLBOARD_PROXIES",
            "proxies in front, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed",
            ge=0,
            le=10,
        ),
    ] = 0
    log_format: Annotated[
        Literal["console", "json"], _variable("CALLBOARD_LOG", "how the log is written")
    ] = "console"
    embedder_url: Annotated[
        str | None,
        _variable(
            "CALLBOARD_EMBEDDER_URL",
            "an OpenAI-compatible embedder in place of the built-in one, "
            "up to before `/embeddings`",
            allowed=WEB_ADDRESS,
            pattern=IS_WEB_ADDRESS,
        ),
    ] = None
    embedder_model: Annotated[
        str, _variable("CALLBOARD_EMBEDDER_MODEL", "the model it is asked for")
    ] = "text-embedding-3-small"
    embedder_dimensions: Annotated[
        int,
        _variable("CALLBOARD_EMBEDDER_DIMENSIONS", "the length of its vectors", ge=1, le=65_536),
    ] = 1536
    embedder_api_key: Annotated[
        str | None, _variable("CALLBOARD_EMBEDDER_API_KEY", "the key it is sent", repr=False)
    ] = None

    @field_validator("database_url")
    @classmethod
    def _is_known_database(cls, url: str) -> str:
        parts = urlsplit(url)
        is_postgresql = parts.scheme == "postgresql+psycopg" and parts.netloc
        if not is_postgresql and not url.startswith("sqlite:////"):
            raise ValueError
        _ = parts.port  # raises ValueError where it is no number
        return url

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def earlier_secret_keys(self) -> tuple[str, ...]:
        """What `SECRET_KEY` was before."""
        keys = (key.strip() for key in self.secret_key_fallbacks.split(","))
        return tuple(key for key in keys if key)

    @property
    def stream_threads(self) -> int:
        """How many threads of a web process answer streams.

        They take turns, a step of an answer each. Searches compute, and many at once would only
        fight over the interpreter and slow other requests down; those that wait for an embedder
        elsewhere wait at once.
        """
        return 16 if self.embedder_url else 2

    @property
    def base_url(self) -> str:
        """Where people reach Callboard, without a slash at the end."""
        return (self.url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def prefix(self) -> str:
        """The path below which the host serves Callboard; empty for a host of its own."""
        return urlsplit(self.base_url).path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings, making the data folder and what is kept in it where absent.

        An empty variable counts as absent. Raises BadSettings.
        """
        given = {name: environ[name] for name in VARIABLES if environ.get(name)}
        _check_admin(given)
        data_dir = Path(given.get("CALLBOARD_DATA", "instance")).resolve()
        given["CALLBOARD_DATA"] = str(data_dir)
        given.setdefault("DATABASE_URL", f"sqlite:///{data_dir / 'callboard.sqlite3'}")
        with _blaming("CALLBOARD_DATA", given):
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(data_dir, os.W_OK):
                raise PermissionError(errno.EACCES, "not writable")
            if "SECRET_KEY" not in given:
                given["SECRET_KEY"] = _kept_secret(data_dir / "secret_key")
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            names = dict.fromkeys(str(item["loc"][0]) for item in error.errors())
            raise BadSettings("\n".join(_refusal(name, given[name]) for name in names)) from None
        if settings.is_sqlite:
            with _blaming("DATABASE_URL", given):
                _make_private(Path(settings.database_url.removeprefix("sqlite:///")))
        return settings


#: variable → its field
VARIABLES: dict[str, FieldInfo] = {
    str(field.validation_alias): field for field in Settings.model_fields.values()
}


def table() -> str:
    """The settings as the README's Markdown table."""
    lines = ["| variable | default | allowed | what it is |", "|---|---|---|---|"]
    for name, field in VARIABLES.items():
        cells = (f"`{name}`", _default(field), _allowed(field), str(field.description))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(field: FieldInfo, kind: str) -> str:
    extra: Any = field.json_schema_extra
    return str(extra[kind])


def _default(field: FieldInfo) -> str:
    if words := _words(field, "default"):
        return words
    if field.default in (None, ""):
        return "–"
    return f"`{int(field.default) if isinstance(field.default, bool) else field.default}`"


def _allowed(field: FieldInfo) -> str:
    """What a variable may hold, in words."""
    if words := _words(field, "allowed"):
        return words
    if field.annotation is bool:
        return "0 or 1"
    if field.annotation is int:
        limits = {type(item).__name__: item for item in field.metadata}
        least, most = (getattr(limits.get(kind), kind.lower(), None) for kind in ("Ge", "Le"))
        return f"a whole number from {least}" + (f" to {most}" if most is not None else "")
    is_choice = get_origin(field.annotation) is Literal
    return " or ".join(get_args(field.annotation)) if is_choice else "text"


def _refusal(name: str, value: str) -> str:
    """A sentence about a bad value, which is not repeated where it may hold a secret."""
    field = VARIABLES[name]
    shown = f"{name}={value}" if field.repr else name
    return f"{shown} cannot be used; allowed: {_allowed(field)}."


def _check_admin(given: Mapping[str, str]) -> None:
    pair = ("CALLBOARD_ADMIN_EMAIL", "CALLBOARD_ADMIN_PASSWORD")
    if len(missing := [name for name in pair if name not in given]) == 1:
        raise BadSettings(f"{missing[0]} is missing; {' and '.join(pair)} are set together.")


@contextmanager
def _blaming(name: str, given: Mapping[str, str]) -> Iterator[None]:
    """Turn an error of the file system into a sentence about a variable."""
    try:
        yield
    except OSError as error:
        sentence = _refusal(name, given[name]).removesuffix(".")
        raise BadSettings(f"{sentence} ({error.strerror}).") from error


def _make_private(path: Path) -> None:
    """Let nobody but the owner read the SQLite file, nor those that SQLite makes beside it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
        for beside in (path.with_name(path.name + end) for end in ("-wal", "-shm")):
            if beside.exists():
                beside.chmod(0o600)


def _kept_secret(path: Path) -> str:
    """The secret in `path`, written once with owner-only permission by whoever comes first."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(48)
        file.write(secret)
    return secret


def write_table(path: Path) -> None:
    """Put the table in the place of the one that stands in the file."""
    lines = path.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("| variable |"))
    last = next(n for n, line in enumerate(lines) if n > first and not line.startswith("|"))
    path.write_text("\n".join([*lines[:first], table(), *lines[last:]]) + "\n")


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
