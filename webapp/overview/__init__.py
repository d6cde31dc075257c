"""Overview: the first page, the command palette, health, and the sample data."""

from __future__ import annotations

from webapp.accounts.samples import Sample
from webapp.core.feature import Feature
from webapp.core.navigation import FramePart, Section, SectionPages
from webapp.overview import health, live, navigation, pages, samples

pages.bp.app_context_processor(navigation.context)

FEATURE = Feature(
    blueprints=(pages.bp, health.bp),
    contributions=(
        *live.FEEDS,
        FramePart("search", "overview/_palette_button.html"),
        FramePart("dialog", "overview/_palette.html"),
        Section("Overview", "overview.show", "overview", position=10, key="o"),
        SectionPages("Overview", ("overview",)),
        Sample(samples.seed),
    ),
)
