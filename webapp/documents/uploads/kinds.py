"""Which files are read: their kinds by their names' endings."""

from __future__ import annotations

from pathlib import PurePosixPath

from webapp.documents.reading.parsing import DOCX, PDF

NDJSON = "application/x-ndjson"
ZIP = "application/zip"
#: kinds of files that hold many documents
COLLECTIONS = (NDJSON, ZIP)
ENDINGS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": PDF,
    ".docx": DOCX,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
    ".zip": ZIP,
}


def kind_of(filename: str) -> str | None:
    """The content type that a name's ending stands for; None where it is not read."""
    return ENDINGS.get(PurePosixPath(filename.lower()).suffix)


def clean_name(filename: str) -> str:
    """A relative path without anything that climbs; the end of it where it is long."""
    parts = [part for part in filename.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts).replace("\x00", "")[-255:] or "file"
