"""Model: what answers when an agent runs; the built-in one, or one of a provider's."""

from __future__ import annotations

from webapp.accounts.tabs import SettingsTab
from webapp.audit.wording import Wording
from webapp.catalog import api, jobs, live, pages, permissions
from webapp.catalog.models import ModelConfig
from webapp.catalog.permissions import MODELS_READ, MODELS_WRITE
from webapp.core.feature import Feature
from webapp.core.navigation import PalettePage, SectionPages
from webapp.core.openapi import PathParameter
from webapp.core.sealing import SealedColumn
from webapp.engine import Job, Program

FEATURE = Feature(
    blueprints=(pages.bp, api.bp),
    contributions=(
        *permissions.PERMISSIONS,
        *live.FEEDS,
        Job("model_test", jobs.test_model),
        Program(jobs.PROGRAM, "webapp.catalog.probe"),
        SealedColumn(ModelConfig.sealed_key),
        PathParameter("model_id", "Its id; `extractive` for the built-in one"),
        SettingsTab("Models", "models.index", position=35, permission=MODELS_READ),
        SectionPages("Settings", ("models",)),
        PalettePage(
            "Models",
            "models.index",
            permission=MODELS_READ,
            words=("LLM", "provider", "OpenAI", "Anthropic", "Ollama"),
        ),
        PalettePage("Add a model", "models.new", permission=MODELS_WRITE, words=("New model",)),
        Wording(
            past={"test": "tested"},
            nouns={"modelconfig": "model"},
            links={"modelconfig": ("models.show", "model_id")},
        ),
    ),
)
