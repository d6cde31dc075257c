"""`make_…()`: things as the product itself makes them, with as little said as possible."""

from __future__ import annotations

from typing import Any

from webapp.agents import services as agents
from webapp.agents.models import Agent
from webapp.agents.schemas import AgentCreate
from webapp.core.actor import Actor
from webapp.documents import services as documents
from webapp.documents.models import Document
from webapp.documents.schemas import DocumentRequest


def make_agent(actor: Actor, **fields: Any) -> Agent:
    values = {"name": "Coding Expert", "instructions": "Help with code.", **fields}
    return agents.create_agent(AgentCreate(**values), actor=actor)


def make_document(actor: Actor, **fields: Any) -> Document:
    values = {"title": "Tea", "content": "Green tea wants water of 80 degrees.", **fields}
    return documents.create_document(DocumentRequest(**values), actor=actor)
