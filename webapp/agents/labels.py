"""What pages call the fields of a definition, what they say below them, and their values.

The form, an agent's page, versions, comparisons and changes of many all ask here, so that a field
has one name.
"""

from __future__ import annotations

from typing import NamedTuple

from webapp.agents.models import Modality, Panel


class Label(NamedTuple):
    """The name of a field, and a sentence of help where the name does not say it all."""

    text: str
    help: str = ""


FIELDS = {
    "name": Label("Name"),
    "handle": Label("Handle", "Its name in addresses. Left empty, it is made from the name."),
    "description": Label("Description", "What it is for. Shown in lists and found by search."),
    "persona": Label("Persona", "The role and tone it takes: “a patient tutor of physics”."),
    "instructions": Label(
        "Instructions",
        "The system prompt, kept and released for models, which take its Markdown as it is. "
        "Answers are passages from documents: they do not follow it.",
    ),
    "model": Label("Model", "One of the catalog, by its name; another can be added to it later."),
    "voice": Label("Voice", "The voice it speaks with; models have names of their own for them."),
    "modality": Label("Modality", "What the person who talks to it needs."),
    "panels": Label("Panels", "What it can open in a workspace."),
    "tools": Label("Tools", "Names of tools that it may call."),
    "handoff_targets": Label("Hand-offs", "Agents that it may pass a conversation on to."),
    "scope_description": Label(
        "Knowledge scope",
        "What its documents are about, in a sentence. Its topics are chosen on the tab Topics.",
    ),
    "retrieval_config": Label("Retrieval"),
    "top_k": Label("Top k", "How many passages it answers from, 1 to 50."),
    "strategy": Label(
        "Search", "Keyword finds the same words, vector the same meaning, hybrid ranks by both."
    ),
    "input_schema": Label(
        "Input schema", "JSON Schema 2020-12 of what it is started with. Empty: anything."
    ),
    "output_schema": Label(
        "Output schema", "JSON Schema 2020-12 of what it answers. Empty: text with citations."
    ),
    "model_overrides": Label(
        "Model overrides", 'Parameters for the model, such as {"temperature": 0.2}.'
    ),
    "features_config": Label("Features"),
    "version_note": Label(
        "Version note", "What is new, for the readers of the history. May be left empty."
    ),
}

#: fields that hold values of ours, and what pages call each of these
VALUES: dict[str, dict[str, str]] = {
    "modality": {
        Modality.AUDIO_ONLY.value: "Text or voice",
        Modality.AUDIO_CAMERA.value: "Voice and camera",
        Modality.AUDIO_SCREENSHARE.value: "Voice and screen",
    },
    "panels": {
        Panel.SLIDE_PRESENTER.value: "Slide presenter",
        Panel.NOTEPAD.value: "Notepad",
        Panel.CODING_IDE.value: "Coding IDE",
        Panel.WHITEBOARD.value: "Whiteboard",
        Panel.DOCUMENT_VIEWER.value: "Document viewer",
    },
    "strategy": {"hybrid": "Hybrid", "keyword": "Keyword", "vector": "Vector"},
}


def label_of(name: str) -> str:
    """What pages call a field of the definition."""
    known = FIELDS.get(name)
    return known.text if known else name.replace("_", " ").capitalize()


def labels_of(name: str) -> dict[str, str]:
    """What pages call each value of a field of the definition; empty where any value may be."""
    return VALUES.get(name, {})


def in_a_sentence(names: list[str]) -> str:
    """The fields one after the other, as they stand within a sentence: "model, hand-offs"."""
    return ", ".join(label_of(name).lower() for name in names)


#: what templates call
FOR_TEMPLATES = (label_of, labels_of, in_a_sentence)
