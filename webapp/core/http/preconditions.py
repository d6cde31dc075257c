"""Does a writer know the version that it changes? ETags are `v<version>-<revision>`."""

from __future__ import annotations

from werkzeug.http import parse_etags

from webapp.core.errors import PreconditionFailed

#: what a write with `If-None-Match: *` asks for: that there is nothing to write to
NOTHING = "nothing"


def etag_of(version: int, revision: int) -> str:
    """`v<version>-<revision>`, unquoted (docs/contract/http.md, conditional)."""
    return f"v{version}-{revision}"


def check_version(etag: str, if_match: str | None) -> None:
    """Raise PreconditionFailed where `if_match` names none but other versions than `etag`.

    Only the version part is compared: a counter that moved does not make an edit stale.
    """
    if if_match is None:
        return
    headers = {"ETag": f'"{etag}"'}
    if if_match == NOTHING:
        raise PreconditionFailed(
            "This is there already, and If-None-Match asks that it is not.", headers=headers
        )
    version = etag.partition("-")[0]
    etags = parse_etags(if_match)
    named = {tag.partition("-")[0] for tag in etags.as_set(include_weak=True)}
    if etags.star_tag or version in named:
        return
    raise PreconditionFailed(
        f"This has changed since you read it: it is at version {version[1:]} now.",
        code="stale_version",
        headers=headers,
        extras={"current_version": int(version[1:]), "etag": f'"{etag}"'},
        suggestions=["Read it again, look at what changed, and send your change once more."],
    )


def newest_revision(if_match: str | None) -> int | None:
    """The highest revision that `if_match` names; None where it names none, or anything goes."""
    etags = parse_etags(if_match)
    if etags.star_tag:
        return None
    counters = (tag.partition("-")[2] for tag in etags.as_set(include_weak=True))
    known = [int(text) for text in counters if text.isdecimal() and len(text) < 20]
    return max(known, default=None)
