"""Every setting of Callboard, read from the environment in this one place.

The README lists them for operators; `tests/test_settings.py` keeps both lists equal.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MEBIBYTE = 1024 * 1024

#: environment variable → what it does; the README's table is checked against this.
VARIABLES = {
    "HOST": "address the web process listens on",
    "PORT": "port the web process listens on",
    "CALLBOARD_DATA": "folder for the database, the secret key and the leases",
    "DATABASE_URL": "the database; PostgreSQL as postgresql://…",
    "SECRET_KEY": "signs sessions and tokens; made and kept in the data folder when absent",
    "CALLBOARD_WORKERS": "how many worker processes `make run` starts",
    "CALLBOARD_ORGANIZATION": "name of the first organization",
    "CALLBOARD_ADMIN_EMAIL": "first admin, made without a visit to the setup page",
    "CALLBOARD_ADMIN_PASSWORD": "the first admin's password",
    "CALLBOARD_ADMIN_API_KEY": "an API key for the first admin",
    "CALLBOARD_MAX_BODY": "largest request body in bytes",
    "CALLBOARD_MAX_UPLOAD": "largest uploaded document or import in bytes",
    "CALLBOARD_RATE_LIMIT": "requests a minute for each API key, session or address",
    "CALLBOARD_SIGN_IN_LIMIT": "sign-in attempts a minute for an address and for an account",
    "CALLBOARD_TASK_HOURS": "hours that a completed or cancelled task is kept",
    "CALLBOARD_HISTORY_DAYS": "days that failed tasks, coverage and messages to webhooks are kept",
    "CALLBOARD_AUDIT_DAYS": "days that audit entries are kept",
    "CALLBOARD_ALLOWED_HOSTS": "private hosts and networks that webhooks may call, comma between",
    "CALLBOARD_SECURE_COOKIES": "1 behind HTTPS: cookies are sent over HTTPS only",
    "CALLBOARD_PROXIES": "how many proxies in front set X-Forwarded-For",
    "CALLBOARD_LOG": "console or json",
    "CALLBOARD_EMBEDDER_URL": "address of an OpenAI-compatible embedder, up to before /embeddings",
    "CALLBOARD_EMBEDDER_MODEL": "the model it is asked for",
    "CALLBOARD_EMBEDDER_DIMENSIONS": "the length of its vectors",
    "CALLBOARD_EMBEDDER_API_KEY": "the key it is sent",
    "WEB_CONCURRENCY": "web processes",
}


@dataclass(frozen=True)
class Settings:
    """One start's settings. Sizes are bytes, limits are per minute."""

    data_dir: Path
    database_url: str
    secret_key: str
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    organization: str = "My organization"
    admin_email: str | None = None
    admin_password: str | None = None
    admin_api_key: str | None = None
    max_body: int = MEBIBYTE
    max_upload: int = 50 * MEBIBYTE
    rate_limit: int = 6000
    sign_in_limit: int = 10
    task_hours: int = 24
    history_days: int = 90
    audit_days: int = 730
    allowed_hosts: str = ""
    secure_cookies: bool = False
    proxies: int = 0
    log_format: str = "console"
    embedder_url: str | None = None
    embedder_model: str = "text-embedding-3-small"
    embedder_dimensions: int = 1536
    embedder_api_key: str | None = field(default=None, repr=False)

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def stream_threads(self) -> int:
        """How many threads of a web process answer streams.

        Searches compute, and two would only fight over the interpreter and slow other requests
        down; those that wait for an embedder elsewhere wait at once.
        """
        return 8 if self.embedder_url else 1

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings, making the data folder and the secret key where absent."""
        data_dir = Path(environ.get("CALLBOARD_DATA", "instance")).resolve()
        data_dir.mkdir(parents=True, exist_ok=True)
        default_database = f"sqlite:///{data_dir / 'callboard.sqlite3'}"
        return cls(
            data_dir=data_dir,
            database_url=_with_driver(environ.get("DATABASE_URL") or default_database),
            secret_key=environ.get("SECRET_KEY") or _kept_secret(data_dir / "secret_key"),
            host=environ.get("HOST", cls.host),
            port=int(environ.get("PORT", cls.port)),
            workers=int(environ.get("CALLBOARD_WORKERS", cls.workers)),
            organization=environ.get("CALLBOARD_ORGANIZATION", cls.organization),
            admin_email=environ.get("CALLBOARD_ADMIN_EMAIL"),
            admin_password=environ.get("CALLBOARD_ADMIN_PASSWORD"),
            admin_api_key=environ.get("CALLBOARD_ADMIN_API_KEY"),
            max_body=int(environ.get("CALLBOARD_MAX_BODY", cls.max_body)),
            max_upload=int(environ.get("CALLBOARD_MAX_UPLOAD", cls.max_upload)),
            rate_limit=int(environ.get("CALLBOARD_RATE_LIMIT", cls.rate_limit)),
            sign_in_limit=int(environ.get("CALLBOARD_SIGN_IN_LIMIT", cls.sign_in_limit)),
            task_hours=int(environ.get("CALLBOARD_TASK_HOURS", cls.task_hours)),
            history_days=int(environ.get("CALLBOARD_HISTORY_DAYS", cls.history_days)),
            audit_days=int(environ.get("CALLBOARD_AUDIT_DAYS", cls.audit_days)),
            allowed_hosts=environ.get("CALLBOARD_ALLOWED_HOSTS", cls.allowed_hosts),
            secure_cookies=environ.get("CALLBOARD_SECURE_COOKIES", "0") == "1",
            proxies=int(environ.get("CALLBOARD_PROXIES", cls.proxies)),
            log_format=environ.get("CALLBOARD_LOG", cls.log_format),
            embedder_url=environ.get("CALLBOARD_EMBEDDER_URL") or None,
            embedder_model=environ.get("CALLBOARD_EMBEDDER_MODEL", cls.embedder_model),
            embedder_dimensions=int(
                environ.get("CALLBOARD_EMBEDDER_DIMENSIONS", cls.embedder_dimensions)
            ),
            embedder_api_key=environ.get("CALLBOARD_EMBEDDER_API_KEY") or None,
        )


def _with_driver(url: str) -> str:
    """`postgresql://` and `postgres://` mean the driver that is installed: psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


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
