"""Items of an import: the lines of NDJSON, the entries of a zip archive, or one whole file."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webapp.documents.models import Upload
from webapp.documents.uploads import services as uploads
from webapp.documents.uploads.kinds import COLLECTIONS, NDJSON, ZIP, clean_name, kind_of

#: of a zip archive: entries, bytes of one unpacked, bytes of all of them
MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 50 * 1024 * 1024
MAX_INFLATED = 2 * 1024 * 1024 * 1024
#: kept in memory up to here, else in a temporary file
SPOOL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Item:
    """What may become a document, or why it cannot.

    `number` counts lines or entries from 1. `fraction` of the upload is done after it, and the
    work goes on at `position`. `upload` is the file itself where the item is all of it.
    """

    number: int
    name: str
    content_type: str
    content: bytes
    fraction: float
    position: dict[str, Any]
    upload: Upload | None = None
    problem: str | None = None

    @property
    def is_line(self) -> bool:
        return self.content_type == NDJSON


def items_of(upload: Upload, position: dict[str, Any]) -> Iterator[Item]:
    """The items of an upload after `position`, one in memory at a time."""
    if upload.content_type == NDJSON:
        return _lines(upload, position)
    if upload.content_type == ZIP:
        return _entries(upload, position)
    if position:
        return iter(())
    content = b"".join(uploads.read_upload(upload))
    kind = upload.content_type
    return iter([Item(1, upload.filename, kind, content, 1.0, {"line": 1}, upload)])


def _lines(upload: Upload, position: dict[str, Any]) -> Iterator[Item]:
    number, start = position.get("line", 0), position.get("byte", 0)
    rest, end = b"", start
    for part in uploads.read_upload(upload, start=start):
        *whole, rest = (rest + part).split(b"\n")
        for content in whole:
            number, end = number + 1, end + len(content) + 1
            yield _line(upload, number, content, end)
    if rest:
        yield _line(upload, number + 1, rest, upload.size)


def _line(upload: Upload, number: int, content: bytes, end: int) -> Item:
    position = {"byte": end, "line": number}
    fraction = end / max(upload.size, 1)
    return Item(number, f"{upload.filename}, line {number}", NDJSON, content, fraction, position)


def _entries(upload: Upload, position: dict[str, Any]) -> Iterator[Item]:
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        for part in uploads.read_upload(upload):
            file.write(part)
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            yield _broken(upload, "The zip archive is damaged.")
            return
        entries = [entry for entry in archive.infolist() if _is_file(entry)]
        if len(entries) > MAX_ENTRIES:
            yield _broken(upload, f"The zip archive has more than {MAX_ENTRIES:,} files.")
            return
        inflated = position.get("inflated", 0)
        for number, entry in enumerate(entries, 1):
            if number <= position.get("line", 0):
                continue
            if inflated > MAX_INFLATED:
                yield _broken(upload, "The zip archive is too large when it is unpacked.")
                return
            kind = kind_of(entry.filename)
            content, problem = b"", _problem(entry, kind)
            if problem is None:
                content, problem = _inflate(archive, entry)
            inflated += len(content)
            yield Item(
                number,
                clean_name(entry.filename),
                kind or "",
                content,
                number / len(entries),
                {"line": number, "inflated": inflated},
                problem=problem,
            )


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Neither a folder nor what an operating system leaves in archives."""
    parts = entry.filename.split("/")
    is_hidden = "__MACOSX" in parts or any(
        part.startswith(".") and part not in (".", "..") for part in parts
    )
    return not entry.is_dir() and not is_hidden


def _problem(entry: zipfile.ZipInfo, kind: str | None) -> str | None:
    if kind is None or kind in COLLECTIONS:
        return "It is of a kind that is not read."
    if entry.flag_bits & 1:
        return "It is encrypted."
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "It is compressed in a way that is not read."
    return None


def _inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[bytes, str | None]:
    """The entry's content, never more than the limit, whatever the archive says of its size."""
    try:
        with archive.open(entry) as file:
            content = file.read(MAX_ENTRY_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError):
        return b"", "It is damaged."
    if len(content) > MAX_ENTRY_BYTES:
        return b"", f"It has more than {MAX_ENTRY_BYTES:,} bytes."
    return content, None


def _broken(upload: Upload, problem: str) -> Item:
    position = {"line": 2**31, "inflated": 0}
    return Item(0, upload.filename, ZIP, b"", 1.0, position, problem=problem)
