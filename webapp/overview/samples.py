"""Sample data: two agents, and a guide that knows Callboard's own documentation.

See docs/contract/agents.md, 6.10.
The documentation's topics come with it, some of them without a page, so that coverage has gaps.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from webapp.agents import services as agents
from webapp.agents.models import Agent, Modality, Panel
from webapp.agents.schemas import AgentCreate
from webapp.core.actor import Actor
from webapp.core.counts import counted
from webapp.core.errors import BadReference
from webapp.core.extensions import db
from webapp.coverage import refresh
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents import services as documents
from webapp.documents.models import Document, checksum
from webapp.documents.schemas import DocumentRequest
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.references import Topics
from webapp.taxonomies.schemas import TaxonomyRequest

DOCS = Path(__file__).parents[2] / "docs"

AGENTS = (
    AgentCreate(
        name="Coding Expert",
        description="Helps with code while it watches the shared screen.",
        instructions=(
            "You are an experienced programmer. Ask what the code should do before you change it. "
            "Explain each suggestion in one sentence and show the smallest change that works."
        ),
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
        handoff_targets=["coding-expert", "callboard-guide"],
    ),
)
GUIDE = AgentCreate(
    name="Callboard Guide",
    description="Answers questions about Callboard from its own documentation.",
    instructions="Answer from the documents. Quote the passage you rely on and name its page.",
    scope_description="Callboard's documentation: concepts, settings, operations, API.",
)
HANDLES = tuple(sample.name.lower().replace(" ", "-") for sample in (*AGENTS, GUIDE))
GUIDE_HANDLE = HANDLES[-1]
#: of the external ids of the documentation
DOCUMENT_PREFIX = "callboard/docs/"
VERSION = "1.0.0"
#: what the pages are about
TOPICS = {
    "getting-started.md": ["First steps", "Agents > Definition", "Knowledge > Documents"],
    "concepts.md": [
        "Agents", "Agents > Definition", "Agents > Versions", "Agents > Releases",
        "Agents > Hand-offs", "Knowledge > Documents", "Knowledge > Taxonomies",
        "Knowledge > Coverage", "Knowledge > Search", "Access > Roles", "Access > API keys",
    ],
    "api.md": ["API > Agents", "API > Documents", "API > Errors", "Access > API keys"],
    "operations.md": [
        "Operations", "Operations > Backups", "Operations > PostgreSQL", "Operations > Index",
        "Operations > Webhooks", "Knowledge > Documents",
    ],
    "dependencies.md": ["Operations > Dependencies"],
}  # fmt: skip
WITHOUT_A_PAGE = ["Operations > Upgrades", "Access > Single sign-on", "API > Client libraries"]


def seed(actor: Actor) -> str:
    """Add what is missing of the sample data to the actor's organization; says what it did."""
    known = set(
        db.session.scalars(
            select(Agent.handle).where(Agent.organization_id == actor.organization_id)
        )
    )
    added = 0
    node_ids = _add_topics(actor)
    documents_added = _add_documentation(actor)
    for sample in (AGENTS[0], GUIDE, AGENTS[1]):
        handle = sample.name.lower().replace(" ", "-")
        if handle in known:
            continue
        added += 1
        if sample is GUIDE and node_ids:
            given = sample.model_dump(exclude_unset=True) | {"handle": handle}
            topics = {"taxonomy_node_ids": node_ids, "taxonomy_version": VERSION}
            body = FromTaxonomyRequest(**given, **topics)
            guide = scopes.create_agent(body, actor=actor)
            refresh.start_refresh(guide.id, actor=actor, is_background=False)
        else:
            agents.create_agent(sample.model_copy(update={"handle": handle}), actor=actor)
    made = f"{counted(added, 'agent')} and {counted(documents_added, 'document')}"
    return f"Sample data: {made} added."


def _add_topics(actor: Actor) -> list[UUID]:
    """Make the documentation's topics where the organization has no taxonomy; their roots."""
    if taxonomies.list_taxonomies(actor=actor):
        return []
    paths = [*(path for page in TOPICS.values() for path in page), *WITHOUT_A_PAGE]
    nodes = [
        {"path": path.split(" > "), "target_documents": int(path in paths)}
        for path in sorted({*paths, *(path.split(" > ")[0] for path in paths)})
    ]
    body = TaxonomyRequest.model_validate({"version": VERSION, "nodes": nodes})
    extension = taxonomies.extend_taxonomy(body, actor=actor)
    return [node.node_id for node in extension.nodes if not node.parent_ids]


def _add_documentation(actor: Actor) -> int:
    """Store the pages that are missing or have changed."""
    topics = Topics(actor.organization_id)
    topics.load(VERSION, [path.split(" > ") for page in TOPICS.values() for path in page])
    known = {
        row.external_id: row.checksum
        for row in db.session.execute(
            select(Document.external_id, Document.checksum).where(
                Document.organization_id == actor.organization_id,
                Document.external_id.like(f"{DOCUMENT_PREFIX}%"),
            )
        )
    }
    added = 0
    for path in sorted(DOCS.glob("*.md")):
        body = DocumentRequest(
            content=path.read_text(encoding="utf-8"), external_id=f"{DOCUMENT_PREFIX}{path.name}"
        )
        with suppress(BadReference):  # a taxonomy of this version that lacks our topics
            about = [topic.split(" > ") for topic in TOPICS.get(path.name, ())]
            topics.find(VERSION, about)
            body.nodes, body.version = [*about], VERSION
        if known.get(body.external_id) != checksum(body.content):
            documents.create_document(body, actor=actor)
            added += 1
    return added
