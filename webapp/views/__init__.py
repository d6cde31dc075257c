"""View: the filters and the order of a list under a name, for oneself or the organization."""

from __future__ import annotations

from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.views import live, pages, permissions

pages.bp.add_app_template_global(pages.view_bar)

FEATURE = Feature(
    blueprints=(pages.bp,),
    contributions=(
        *live.FEEDS,
        *permissions.PERMISSIONS,
        Wording(nouns={"savedview": "view"}),
    ),
)
