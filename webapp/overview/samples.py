"""Sample data: spec 2's two agents, and a guide that knows Callboard's own documentation."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from webapp.accounts import services as accounts
from webapp.accounts.models import User
from webapp.agents import services as agents
from webapp.agents.models import Agent, Modality, Panel
from webapp.agents.schemas import AgentCreate
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.knowledge import documents
from webapp.knowledge.models import Document
from webapp.knowledge.schemas import DocumentBody

DOCS = Path(__file__).parents[2] / "docs"

AGENTS = (
    AgentCreate(
        name="Coding Expert",
        description="Helps with code while it watches the shared screen.",
        instructions=(
            "You are an experienced programmer. Ask what the code should do before you change it. "
            "Explain each suggestion in one sentence and show the smallest change that works."
        ),
        model="gpt-4.1",
        modality=Modality.AUDIO_SCREENSHARE,
        panels=[Panel.CODING_IDE],
        tools=["request_screen_share"],
    ),
    AgentCreate(
        name="Triage Agent",
        description="Greets people and passes them on to the agent that can help.",
        instructions=(
            "Greet the person, find out in at most two questions what they need, and hand off to "
            "the agent that fits. Say to whom you pass them and why."
        ),
        model="gpt-4.1-mini",
        handoff_targets=["coding-expert", "callboard-guide"],
    ),
)
GUIDE = AgentCreate(
    name="Callboard Guide",
    description="Answers questions about Callboard from its own documentation.",
    instructions="Answer from the documents. Quote the passage you rely on and name its page.",
    scope_description="Callboard's documentation: concepts, settings, operations, API.",
    model="extractive",
)


def seed(actor: Actor) -> str:
    """Add what is missing of the sample data to the actor's organization; says what it did."""
    known = set(
        db.session.scalars(
            select(Agent.handle).where(Agent.organization_id == actor.organization_id)
        )
    )
    added = 0
    for sample in (AGENTS[0], GUIDE, AGENTS[1]):
        handle = sample.name.lower().replace(" ", "-")
        if handle not in known:
            agents.create_agent(sample.model_copy(update={"handle": handle}), actor=actor)
            added += 1
    return f"Sample data: {added} agents and {_add_documentation(actor)} documents added."


def seed_oldest_organization() -> str:
    admin = db.session.scalar(
        select(User).where(User.role == Role.ADMIN).order_by(User.created_at).limit(1)
    )
    if admin is None:
        return "There is no organization yet; the first start makes one."
    return seed(accounts.actor_of(admin))


def _add_documentation(actor: Actor) -> int:
    """Store the pages that are missing or have changed."""
    known = {
        row.external_id: row.checksum
        for row in db.session.execute(
            select(Document.external_id, Document.checksum).where(
                Document.organization_id == actor.organization_id,
                Document.external_id.like("callboard/docs/%"),
            )
        )
    }
    added = 0
    for path in sorted(DOCS.glob("*.md")):
        body = DocumentBody(
            content=path.read_text(encoding="utf-8"), external_id=f"callboard/docs/{path.name}"
        )
        if known.get(body.external_id) != documents.checksum(body.content):
            documents.create_document(body, actor=actor)
            added += 1
    return added
