"""What stands in the sidebar, and what the command palette finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask import request, url_for

from webapp.core.actor import ORGANIZATION_READ, Actor, Permission
from webapp.core.feature import contributions


@dataclass(frozen=True)
class Section:
    """An entry of the sidebar, from the lowest `position` down; `icon` is one of the sprite.

    `key` is what leads there after `g`.
    """

    label: str
    endpoint: str
    icon: str
    position: int
    key: str = ""


@dataclass(frozen=True)
class SectionPages:
    """Pages that light up a section: whole blueprints, or single endpoints, which win."""

    section: str
    pages: Sequence[str]


@dataclass(frozen=True)
class SearchPage:
    """The page that searches all texts; it takes `q`."""

    endpoint: str


@dataclass(frozen=True)
class PalettePage:
    """A page that the palette offers to those with the permission."""

    label: str
    endpoint: str
    permission: Permission = ORGANIZATION_READ


@dataclass(frozen=True)
class FramePart:
    """A partial that every page of a signed-in person shows.

    `place` is "brand", before the organization's name on top of the sidebar; "search" or "account",
    one above the other at its foot; or "dialog", at the end of the page.
    """

    place: Literal["brand", "search", "account", "dialog"]
    partial: str


@dataclass(frozen=True)
class PaletteEntry:
    label: str
    href: str
    hint: str = ""


@dataclass(frozen=True)
class PaletteGroup:
    """Things that the palette finds: `search(words, actor)` answers the best few."""

    label: str
    search: Callable[[str, Actor], list[PaletteEntry]]


def home() -> str:
    """The endpoint of the first page: the section that stands first."""
    return min(contributions(Section), key=lambda section: section.position).endpoint


def home_url() -> str:
    """The address of the first page."""
    return url_for(home())


def search_url(q: str) -> str:
    """Where the texts are searched for these words; empty where no feature searches."""
    page = next(iter(contributions(SearchPage)), None)
    return url_for(page.endpoint, q=q) if page else ""


def frame_parts(place: str) -> list[str]:
    """The templates of the parts that features show at this place of every page."""
    return [part.partial for part in contributions(FramePart) if part.place == place]


def sections() -> list[dict[str, Any]]:
    """The sidebar's entries with the one lit up that the request's page belongs to."""
    active = _section_of(request.endpoint or "")
    ordered = sorted(contributions(Section), key=lambda section: section.position)
    return [
        {
            "label": section.label,
            "href": url_for(section.endpoint),
            "icon": section.icon,
            "key": section.key,
            "active": section.label == active,
        }
        for section in ordered
    ]


def palette(words: str, actor: Actor) -> list[tuple[str, list[PaletteEntry]]]:
    """Groups of entries that match: pages first, then what each feature finds."""
    ordered = sorted(contributions(Section), key=lambda section: section.position)
    pages = [PalettePage(section.label, section.endpoint) for section in ordered]
    matching = [
        PaletteEntry(page.label, url_for(page.endpoint))
        for page in [*pages, *contributions(PalettePage)]
        if actor.may(page.permission) and words.lower() in page.label.lower()
    ]
    groups = [(group.label, group.search(words, actor)) for group in contributions(PaletteGroup)]
    return [(label, entries) for label, entries in [("Pages", matching), *groups] if entries]


def _section_of(endpoint: str) -> str | None:
    by_page = {page: item.section for item in contributions(SectionPages) for page in item.pages}
    return by_page.get(endpoint) or by_page.get(endpoint.split(".")[0])
