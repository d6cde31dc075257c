"""Overview: the first page, the command palette, health, and the sample data."""

from __future__ import annotations

from webapp.accounts.samples import Sample
from webapp.accounts.tabs import SettingsTab
from webapp.audit.permissions import AUDIT_READ
from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.core.navigation import FramePart, PaletteAction, Section, SectionPages
from webapp.overview import health, live, navigation, pages, samples

pages.bp.app_context_processor(navigation.context)

FEATURE = Feature(
    blueprints=(pages.bp, health.bp),
    contributions=(
        *live.FEEDS,
        FramePart("search", "overview/_palette_button.html"),
        FramePart("bar", "overview/_palette_icon.html"),
        FramePart("dialog", "overview/_palette.html"),
        PaletteAction("Show absolute times", script="absolute-times", words=("dates", "moments")),
        PaletteAction("Show relative times", script="relative-times", words=("ago",)),
        PaletteAction("Keyboard shortcuts", script="keys", words=("help", "keys", "hotkeys")),
        Section("Overview", "overview.show", "overview", position=10, key="o"),
        SectionPages("Overview", ("overview",)),
        SectionPages("Settings", ("audit",)),
        SettingsTab("Audit log", "audit.index", position=60, permission=AUDIT_READ),
        Sample(samples.seed),
        Wording(past={"dismiss_first_steps": "dismissed the first steps of"}),
    ),
)
