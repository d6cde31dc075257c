from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from slugify import slugify
from slugify.special import GERMAN
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.catalog.models import EXTRACTIVE
from webapp.core import clock
from webapp.core.database.text import fold, order_key
from webapp.core.database.types import BigId, OrderedJson, is_same_json
from webapp.core.errors import Conflict
from webapp.core.extensions import Model
from webapp.core.ids import uuid7
from webapp.core.texts import SearchedText

#: words that stand in the place of a handle in some path
RESERVED_HANDLES = frozenset(
    {"search", "handoffs", "export", "import", "bulk", "from-taxonomy", "new", "preview"}
)
#: the largest number that a column of versions holds
MAX_VERSION = 2**31 - 1
DEFAULT_MODEL = EXTRACTIVE
DEFAULT_RETRIEVAL = {"top_k": 5, "strategy": "hybrid"}

#: What a version holds: a change of one of these makes the next version.
#: See docs/contract/versions.md.
DEFINITION = (
    "name",
    "description",
    "instructions",
    "model",
    "voice",
    "handoff_targets",
    "tools",
    "modality",
    "panels",
    "persona",
    "scope_description",
    "retrieval_config",
    "features_config",
    "input_schema",
    "output_schema",
    "model_overrides",
)

#: of them, those whose keys keep their order
SCHEMAS = ("input_schema", "output_schema")

#: What an agent knows about; no part of its definition.
SCOPE = ("taxonomy_node_ids", "taxonomy_version", "scope_id")


#: characters of what a list sorts and filters by
MAX_KEY = 255


def name_key(name: str) -> str:
    """What lists sort a name by and find it by; names that differ may have the same."""
    return order_key(name, MAX_KEY)


def is_same_value(name: str, left: Any, right: Any) -> bool:
    """Whether two values of a field are one; a schema with its keys in another order is not."""
    return is_same_json(left, right, as_written=name in SCHEMAS)


class Modality(StrEnum):
    """What media an agent needs from the person who talks to it.

    See docs/contract/agents.md, modality.
    """

    AUDIO_ONLY = "audio_only"
    AUDIO_CAMERA = "audio_camera"
    AUDIO_SCREENSHARE = "audio_screenshare"


class Panel(StrEnum):
    """Workspace panels that an agent can open (docs/contract/agents.md, panels)."""

    SLIDE_PRESENTER = "slide_presenter"
    NOTEPAD = "notepad"
    CODING_IDE = "coding_ide"
    WHITEBOARD = "whiteboard"
    DOCUMENT_VIEWER = "document_viewer"


class Status(StrEnum):
    """Where an agent stands in its life.

    See docs/contract/versions.md, status.
    """

    DRAFT = "draft"
    PUBLISHED = "published"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class ReleaseStatus(StrEnum):
    """Where a release stands: it has been published, as an agent may not have been."""

    PUBLISHED = "published"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class Environment(StrEnum):
    STAGING = "staging"
    PRODUCTION = "production"


class Agent(Model):
    """One agent of one organization. Deleting is soft; a deleted agent keeps its handle.

    `current_version` numbers the definition, `revision` counts every change of the record.
    `environments` says what each environment runs: `{"production": {"version", "semver"}}`;
    it repeats the newest deployments, so that no list has to look them up.

    `taxonomy_node_ids` are the topics it knows about, with all below them; empty means all
    documents; `scope_id` is the scope of those topics, and `scope_revision` the revision in the
    ETag at which they were chosen. What is counted and measured of an agent
    is not here: see `figures`.
    """

    __tablename__ = "agents"
    __table_args__ = (
        UniqueConstraint("organization_id", "handle"),
        Index(None, "organization_id", "is_active", "created_at", "id"),
        # With all that is asked at once, or SQLite takes an index that begins by `is_active`.
        Index("ix_agents_parent", "organization_id", "parent", "is_active"),
        # Few have topics, and a move to another version asks for them.
        Index(
            "ix_agents_taxonomy_version",
            *("organization_id", "taxonomy_version"),
            sqlite_where=text("taxonomy_version IS NOT NULL"),
            postgresql_where=text("taxonomy_version IS NOT NULL"),
        ),
        # All that the list filters and sorts by. SQLite reads this alone, a tenth of the table,
        # and where no text is sought only the one without texts;
        # PostgreSQL keeps long values out of the rows, and limits the size of an index entry.
        Index(
            "ix_agents_list",
            *("organization_id", "is_active", "created_at", "id", "updated_at", "paused"),
            *("status", "modality", "model_key", "parent", "tools", "name_key", "search_text"),
            info={"only": "sqlite"},
        ).ddl_if(dialect="sqlite"),
        Index(
            "ix_agents_filters",
            *("organization_id", "is_active", "created_at", "id", "paused", "status", "modality"),
            *("parent", "tools", "model_key"),
            info={"only": "sqlite"},
        ).ddl_if(dialect="sqlite"),
        *(
            Index(f"ix_agents_{name}", "organization_id", "is_active", name, "id")
            for name in ("name_key", "updated_at")
        ),
        # What finds a name by its first letters; SQLite has `name_key` in that order anyway.
        Index(
            "ix_agents_name_letters",
            *("organization_id", "is_active", "name_key"),
            postgresql_ops={"name_key": "text_pattern_ops"},
            info={"only": "postgresql"},
        ).ddl_if(dialect="postgresql"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    handle: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    instructions: Mapped[str] = mapped_column(default="")
    model: Mapped[str] = mapped_column(String(255), default=DEFAULT_MODEL)
    voice: Mapped[str | None] = mapped_column(String(255))
    handoff_targets: Mapped[list[UUID]] = mapped_column(default=list)
    tools: Mapped[list[str]] = mapped_column(default=list)
    modality: Mapped[str] = mapped_column(String(32), default=Modality.AUDIO_ONLY.value)
    panels: Mapped[list[str]] = mapped_column(default=list)
    persona: Mapped[str | None] = mapped_column(String(2000))
    scope_description: Mapped[str | None] = mapped_column(String(500))
    retrieval_config: Mapped[dict[str, Any]] = mapped_column(
        default=lambda: dict(DEFAULT_RETRIEVAL)
    )
    features_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    input_schema: Mapped[dict[str, Any] | None] = mapped_column(OrderedJson)
    output_schema: Mapped[dict[str, Any] | None] = mapped_column(OrderedJson)
    model_overrides: Mapped[dict[str, Any] | None]
    parent: Mapped[str | None] = mapped_column(String(64))
    paused: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(String(20), default=Status.DRAFT.value)
    environments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    current_version: Mapped[int] = mapped_column(default=1)
    published_version: Mapped[int | None]
    version_author: Mapped[str] = mapped_column(String(320), default="")
    version_note: Mapped[str | None] = mapped_column(String(500))
    versioned_at: Mapped[datetime] = mapped_column(default=clock.now)
    revision: Mapped[int] = mapped_column(default=1)
    name_key: Mapped[str] = mapped_column(String(MAX_KEY), default="")
    model_key: Mapped[str] = mapped_column(String(MAX_KEY), default="")
    search_text: Mapped[str] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    taxonomy_node_ids: Mapped[list[UUID]] = mapped_column(default=list)
    taxonomy_version: Mapped[str | None] = mapped_column(String(32))
    scope_id: Mapped[UUID | None] = mapped_column(index=True)
    scope_revision: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def agent_id(self) -> UUID:
        """The name that the knowledge API has for the id."""
        return self.id

    @property
    def top_k(self) -> int:
        """How many passages it answers from where nobody says (1..50)."""
        value = self.retrieval_config.get("top_k")
        return value if isinstance(value, int) and 1 <= value <= 50 else 5

    @property
    def strategy(self) -> str:
        """How it searches where nobody says: hybrid, keyword or vector."""
        return str(self.retrieval_config.get("strategy", DEFAULT_RETRIEVAL["strategy"]))

    @property
    def is_published(self) -> bool:
        """Whether the current version is a release, so that there is nothing new to publish."""
        return self.published_version == self.current_version

    @property
    def definition(self) -> dict[str, Any]:
        """The state that a version keeps, as JSON."""
        values = {name: getattr(self, name) for name in DEFINITION}
        return values | {"handoff_targets": [str(target) for target in self.handoff_targets]}

    def runs(self, environment: str) -> dict[str, Any] | None:
        """`{"version", "semver"}` of the release that an environment runs."""
        return self.environments.get(environment)

    def environments_of(self, release: Release) -> list[str]:
        """The environments that run the release."""
        running = {name.value: self.runs(name) for name in Environment}
        return [name for name, run in running.items() if run and run["version"] == release.version]

    def touch(self, at: datetime) -> None:
        """Note that the record has changed."""
        self.revision += 1
        self.updated_at = at

    def differing(self, values: dict[str, Any]) -> dict[str, Any]:
        """Those of `values` that the agent does not have already."""
        return {
            name: value
            for name, value in values.items()
            if not is_same_value(name, getattr(self, name), value)
        }

    def revise(
        self, values: dict[str, Any], *, author: str, note: str | None, at: datetime
    ) -> None:
        """Become the next version: its own definition with `values`."""
        if self.status == Status.ARCHIVED:
            raise Conflict(
                f"Agent {self.handle} is archived and cannot be changed.",
                code="archived",
                suggestions=["Reinstate one of its releases first."],
            )
        for name, value in values.items():
            setattr(self, name, value)
        self.current_version += 1
        self.version_author, self.version_note, self.versioned_at = author, note, at
        self.describe()
        self.touch(at)

    def describe(self) -> None:
        """Bring what the list searches and sorts by up to date."""
        self.name_key = name_key(self.name)
        self.model_key = fold(self.model)[:MAX_KEY]
        self.search_text = fold(
            f"{self.name}\n{self.handle}\n{self.description}\n{self.scope_description or ''}"
        )

    def delete(self, at: datetime) -> None:
        self.is_active = False
        self.touch(at)

    def restore(self, at: datetime) -> None:
        if self.is_active:
            raise Conflict(f"Agent {self.handle} is not deleted.", code="not_deleted")
        self.is_active = True
        self.touch(at)


class AgentFacet(Model):
    """One of the words that lists find an active agent by, written by triggers; see `facets`.

    `name` is status, modality, model (its `model_key`) or tool, of which an agent has several.
    """

    __tablename__ = "agent_facets"
    __table_args__ = {"sqlite_with_rowid": False}

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(String(255), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(primary_key=True)


class AgentText(SearchedText):
    """The `search_text` of an active agent, written by triggers; and what lists filter with it.

    Whose figures filter the list adds their column, of the same name, and a trigger that writes it.
    """

    __tablename__ = "agent_texts"

    paused: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(String(20), default="")
    modality: Mapped[str] = mapped_column(String(32), default="")
    model_key: Mapped[str] = mapped_column(String(MAX_KEY), default="")
    parent: Mapped[str | None] = mapped_column(String(64))
    tools: Mapped[list[str]] = mapped_column(default=list)


class AgentVersion(Model):
    """What an agent was in version `version`; written when that is superseded or published."""

    __tablename__ = "agent_versions"
    __table_args__ = (UniqueConstraint("agent_id", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    version: Mapped[int]
    snapshot: Mapped[dict[str, Any]] = mapped_column(OrderedJson)
    author: Mapped[str] = mapped_column(String(320))
    note: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]

    @classmethod
    def of(cls, agent: Agent) -> AgentVersion:
        """The present state of `agent`, to be kept."""
        return cls(
            agent_id=agent.id,
            version=agent.current_version,
            snapshot=agent.definition,
            author=agent.version_author,
            note=agent.version_note,
            created_at=agent.versioned_at,
        )


class Release(Model):
    """A published version with its semantic version. It never changes, only its status does."""

    __tablename__ = "releases"
    __table_args__ = (
        UniqueConstraint("agent_id", "version"),
        UniqueConstraint("agent_id", "semver"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    version: Mapped[int]
    semver: Mapped[str] = mapped_column(String(64))
    changelog: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(String(20), default=Status.PUBLISHED.value)
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    def become(self, status: Status, *, running_in: list[str]) -> None:
        """Deprecate, archive or reinstate the release; what runs cannot be archived."""
        if status == self.status:
            raise Conflict(f"Release {self.semver} is {status} already.", code="same_status")
        if status == Status.ARCHIVED and running_in:
            raise Conflict(
                f"Release {self.semver} cannot be archived: {' and '.join(running_in)} runs it.",
                code="release_running",
                suggestions=["Roll that environment back or publish another version to it first."],
            )
        self.status = status.value


class Deployment(Model):
    """An environment was given a release. The newest one says what the environment runs."""

    __tablename__ = "deployments"
    __table_args__ = (Index(None, "agent_id", "environment", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    environment: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


def handle_from(name: str) -> str:
    """A handle made from a name: its letters in ASCII, dashes between words; "agent" at worst."""
    handle: str = slugify(name, replacements=GERMAN, max_length=58, regex_pattern=r"[^a-z0-9_]+")
    handle = handle.strip("-_")
    if handle in RESERVED_HANDLES or as_uuid(handle):
        return f"{handle}-agent"
    return handle or "agent"


def as_uuid(text: str) -> UUID | None:
    """The UUID that a text is, with dashes or without; None where it is another word."""
    try:
        return UUID(text)
    except ValueError:
        return None
