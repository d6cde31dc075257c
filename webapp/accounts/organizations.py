"""The organization itself: its name and its logo. (A part of the accounts' services.)"""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from webapp.accounts.models import Organization, checked_name
from webapp.accounts.permissions import ORGANIZATION_WRITE
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Invalid, NotFound
from webapp.core.extensions import db

#: bytes
MAX_LOGO = 64 * 1024
#: how the kinds of pictures begin that browsers draw and that can hold no script
_SIGNS = (
    ("image/png", b"\x89PNG\r\n\x1a\n", b""),
    ("image/jpeg", b"\xff\xd8\xff", b""),
    ("image/webp", b"RIFF", b"WEBP"),
)


def get_organization(*, actor: Actor) -> Organization:
    return db.session.get_one(Organization, actor.organization_id)


def rename_organization(name: str, *, actor: Actor) -> Organization:
    """Give the actor's organization another name; raises Invalid on one that is none."""
    actor.require(ORGANIZATION_WRITE)
    name = checked_name(name)
    organization = lock_organization(actor=actor)
    if name != organization.name:
        audit.record(actor, "update", organization, name=name)
        organization.name = name
    db.session.commit()
    return organization


def set_logo(content: bytes, *, actor: Actor) -> Organization:
    """Keep a PNG, JPEG or WebP as the organization's logo; raises Invalid on anything else."""
    actor.require(ORGANIZATION_WRITE)
    if len(content) > MAX_LOGO:
        raise Invalid(f"A logo has at most {MAX_LOGO // 1024} KiB.", field="logo")
    media_type = next(
        (
            media_type
            for media_type, start, later in _SIGNS
            if content.startswith(start) and content[8:].startswith(later)
        ),
        None,
    )
    if media_type is None:
        raise Invalid("A logo is a PNG, JPEG or WebP.", field="logo")
    organization = lock_organization(actor=actor)
    organization.logo, organization.logo_type = content, media_type
    organization.logo_digest = hashlib.sha256(content).hexdigest()[:16]
    audit.record(actor, "set_logo", organization, media_type=media_type, bytes=len(content))
    db.session.commit()
    return organization


def remove_logo(*, actor: Actor) -> Organization:
    actor.require(ORGANIZATION_WRITE)
    organization = lock_organization(actor=actor)
    if organization.logo_digest is not None:
        organization.logo = organization.logo_type = organization.logo_digest = None
        audit.record(actor, "remove_logo", organization)
    db.session.commit()
    return organization


def get_logo(digest: str, *, actor: Actor) -> tuple[bytes, str]:
    """The bytes and the media type of the logo with this digest, of the actor's organization."""
    # In one look: between two, another logo could take this one's address in browsers' caches.
    found = db.session.execute(
        select(Organization.logo, Organization.logo_type).where(
            Organization.id == actor.organization_id, Organization.logo_digest == digest
        )
    ).one_or_none()
    if found is None:
        raise NotFound(f"Logo not found: {digest[:40]}")
    return found.logo, found.logo_type


def lock_organization(*, actor: Actor) -> Organization:
    """The organization, locked: a logo, its kind and its digest change together."""
    statement = select(Organization).where(Organization.id == actor.organization_id)
    organization: Organization = get_locked(statement, stays=True)
    return organization
