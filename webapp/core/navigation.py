"""What stands in the sidebar, and what the command palette finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask import request, url_for

from webapp.core import matching
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
    """A page that the palette offers to those with the permission; `words` find it as well."""

    label: str
    endpoint: str
    permission: Permission = ORGANIZATION_READ
    words: Sequence[str] = ()


@dataclass(frozen=True)
class FramePart:
    """A partial that every page of a signed-in person shows.

    `place` is "brand", before the organization's name on top of the sidebar; "search" or "account",
    one above the other at its foot; "bar", beside the menu of a phone; or "dialog", at the end of
    the page.
    """

    place: Literal["brand", "search", "account", "bar", "dialog"]
    partial: str


@dataclass(frozen=True)
class Confirmation:
    """What is asked before something is done, as `ui.confirm` takes it."""

    title: str
    verb: str
    sentence: str = ""
    keep: str = "Cancel"
    tone: Literal["danger", "primary"] = "danger"
    #: which button Enter presses
    focus: Literal["keep", "verb"] = "keep"


@dataclass(frozen=True)
class PaletteEntry:
    """A line of the palette: a page, or with `fields` a form, or with `script` a deed of a script.

    `key` is what leads there after `g`, `words` find it as well; with `stays` the form's answer is
    the page one is on.
    """

    label: str
    href: str = ""
    hint: str = ""
    key: str = ""
    fields: Mapping[str, str] | None = None
    script: str = ""
    confirmation: Confirmation | None = None
    stays: bool = False
    words: Sequence[str] = ()


@dataclass(frozen=True)
class PaletteAction:
    """What the palette does itself: `fields` are sent to `endpoint`, or a script does `script`.

    `words` find it as well; `stays`: whoever does it is then where they were.
    """

    label: str
    endpoint: str = ""
    permission: Permission = ORGANIZATION_READ
    fields: Mapping[str, str] | None = None
    script: str = ""
    words: Sequence[str] = ()
    stays: bool = False

    def to_entry(self) -> PaletteEntry:
        href = url_for(self.endpoint) if self.endpoint else ""
        return PaletteEntry(
            self.label,
            href,
            fields=self.fields,
            script=self.script,
            stays=self.stays,
            words=self.words,
        )


@dataclass(frozen=True)
class PaletteSearch:
    """A list that takes `q`: the palette's last resort, with `{}` in the label for the words."""

    label: str
    endpoint: str
    permission: Permission = ORGANIZATION_READ


@dataclass(frozen=True)
class PaletteGroup:
    """Things that the palette finds: `search(words, actor, open_handle)` answers the best few.

    The best stands first; `open_handle` is the agent whose page is open, or empty.
    """

    label: str
    search: Callable[[str, Actor, str], list[PaletteEntry]]


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


def palette(
    words: str, actor: Actor, open_handle: str = ""
) -> list[tuple[str, list[PaletteEntry]]]:
    """Groups of entries that match, the one with the best first, searches of lists last."""
    found = {"Pages": _pages(words, actor), "Actions": _actions(words, actor)}
    for group in contributions(PaletteGroup):
        found.setdefault(group.label, []).extend(group.search(words, actor, open_handle))
    groups = [(label, entries) for label, entries in found.items() if entries]
    if words:
        groups.sort(key=lambda group: min(_rank(words, entry) for entry in group[1]))
        groups.append(("Search", _searches(words, actor)))
    return [(label, entries) for label, entries in groups if entries]


def _pages(words: str, actor: Actor) -> list[PaletteEntry]:
    ordered = sorted(contributions(Section), key=lambda section: section.position)
    named: list[tuple[tuple[str, ...], PaletteEntry]] = [
        ((item.label,), PaletteEntry(item.label, url_for(item.endpoint), key=item.key))
        for item in ordered
    ]
    named += [
        (
            (page.label, *page.words),
            PaletteEntry(page.label, url_for(page.endpoint), words=page.words),
        )
        for page in contributions(PalettePage)
        if actor.may(page.permission)
    ]
    chosen = matching.best(words, named, lambda pair: pair[0], limit=len(named))
    return [entry for _, entry in chosen]


def _actions(words: str, actor: Actor) -> list[PaletteEntry]:
    allowed = [item for item in contributions(PaletteAction) if actor.may(item.permission)]
    chosen = matching.best(
        words, allowed, lambda item: (item.label, *item.words), limit=len(allowed)
    )
    return [item.to_entry() for item in chosen]


def _searches(words: str, actor: Actor) -> list[PaletteEntry]:
    return [
        PaletteEntry(item.label.replace("{}", words), url_for(item.endpoint, q=words))
        for item in contributions(PaletteSearch)
        if actor.may(item.permission)
    ]


def _rank(words: str, entry: PaletteEntry) -> int:
    """What was found by another name than its label stands behind what was found by it."""
    found = matching.rank(words, entry.label)
    return matching.WORST if found is None else found


def _section_of(endpoint: str) -> str | None:
    by_page = {page: item.section for item in contributions(SectionPages) for page in item.pages}
    return by_page.get(endpoint) or by_page.get(endpoint.split(".")[0])
