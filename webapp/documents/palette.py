"""Documents in the command palette, and files in the activity."""

from __future__ import annotations

from flask import url_for

from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.navigation import PaletteEntry
from webapp.documents import services

MAX_FOUND = 6


def find_documents(words: str, actor: Actor, _open_handle: str = "") -> list[PaletteEntry]:
    """The few documents that are meant most likely."""
    documents = services.suggest_documents(words, limit=MAX_FOUND, actor=actor)
    return [
        PaletteEntry(
            document.title,
            url_for("documents.show", document_id=document.id),
            document.external_id or "",
        )
        for document in documents
    ]


def describe_files(entry: AuditEntry) -> str:
    """How many files there were beside the one that an entry names."""
    others = entry.detail.get("files", 1) - 1
    return f"and {others:,} more" if others > 0 else ""
