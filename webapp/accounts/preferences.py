"""What people may choose for the pages they see: theme, time zone, how numbers and dates look."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from webapp.core.clock import known_zones


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


#: BCP 47 tags with what they look like; the words of the pages are English in all of them
LOCALES = {
    "en-GB": "English (UK): 1,234.5 · 31 Dec 2026",
    "en-US": "English (US): 1,234.5 · Dec 31, 2026",
    "de-DE": "German: 1.234,5 · 31.12.2026",
    "de-CH": "German (Switzerland): 1’234.5 · 31.12.2026",
    "es-ES": "Spanish: 1.234,5 · 31 dic 2026",
    "fr-FR": "French: 1 234,5 · 31 déc. 2026",
    "ja-JP": "Japanese: 1,234.5 · 2026/12/31",
    "pt-BR": "Portuguese (Brazil): 1.234,5 · 31 de dez. de 2026",
    "sv-SE": "Swedish: 1 234,5 · 31 dec. 2026",
}
DEFAULT_LOCALE = "en-GB"


@cache
def time_zones() -> tuple[str, ...]:
    """The names of the IANA's zones, "UTC" first; aliases without a place are left out."""
    named = {zone for zone in known_zones() if "/" in zone and not zone.startswith("Etc/")}
    return ("UTC", *sorted(named))
