"""References to topics, by id or by path, resolved for a batch at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import Select, select

from webapp.core.errors import BadReference
from webapp.core.extensions import db
from webapp.taxonomies.models import (
    ScopeRoot,
    Taxonomy,
    TaxonomyNode,
    path_key,
    sort_versions,
)

Path = tuple[str, ...]


class Topics:
    """Looks up what a batch of documents names, with two queries a version however many ask.

    A path that names no version is one of `newest`: the highest version, unless an earlier moment
    is to be kept to.
    """

    def __init__(self, organization_id: UUID, *, newest: str | None = None) -> None:
        self._organization_id = organization_id
        self._newest = newest
        self._versions: dict[str | None, UUID | None] = {}
        self._known: dict[tuple[str | None, UUID | Path], UUID] = {}

    def load(self, version: str | None, references: Iterable[UUID | list[str]]) -> None:
        """Make these references known to `find`."""
        named = {_hashable(reference) for reference in references}
        ids = {item for item in named if isinstance(item, UUID)}
        paths = {item for item in named if not isinstance(item, UUID)}
        if ids:
            statement = select_topics(self._organization_id, ids).add_columns(
                TaxonomyNode.public_id
            )
            if version is not None:
                versions = Taxonomy.id == TaxonomyNode.taxonomy_id
                statement = statement.join(Taxonomy, versions).where(Taxonomy.version == version)
            rows = db.session.execute(statement)
            self._known |= {(version, row.public_id): row.id for row in rows}
        taxonomy_id = self._taxonomy_id(version) if paths else None
        if taxonomy_id is None:
            return
        rows = db.session.execute(
            select(TaxonomyNode.id, TaxonomyNode.canonical_path)
            .where(
                TaxonomyNode.taxonomy_id == taxonomy_id,
                TaxonomyNode.path_key.in_({path_key(path) for path in paths}),
            )
            # The last of a path stays in the dictionary: the lowest public id.
            .order_by(TaxonomyNode.public_id.desc())
        )
        self._known |= {(version, tuple(row.canonical_path)): row.id for row in rows}

    def find(self, version: str | None, references: Sequence[UUID | list[str]]) -> list[UUID]:
        """The topics (not by public ids) of loaded references, each once.

        BadReference names those that are not there.
        """
        ids = {_hashable(item): self._known.get((version, _hashable(item))) for item in references}
        missing = [
            str(item) if isinstance(item, UUID) else " > ".join(item)
            for item, node_id in ids.items()
            if node_id is None
        ]
        if missing:
            raise unknown_nodes(missing, version)
        return list(dict.fromkeys(node_id for node_id in ids.values() if node_id is not None))

    def _taxonomy_id(self, version: str | None) -> UUID | None:
        if version not in self._versions:
            rows = {
                row.version: row.id
                for row in db.session.execute(
                    select(Taxonomy.version, Taxonomy.id).where(
                        Taxonomy.organization_id == self._organization_id
                    )
                )
            }
            name = version or self._newest or next(iter(sort_versions(rows)), None)
            self._versions[version] = rows.get(name) if name else None
        return self._versions[version]


def select_topics(organization_id: UUID, public_ids: Collection[UUID]) -> Select[UUID]:
    """The ids that tables refer to, of the organization's topics with these public ids."""
    return select(TaxonomyNode.id).where(
        TaxonomyNode.organization_id == organization_id, TaxonomyNode.public_id.in_(public_ids)
    )


def find_roots(scope_id: UUID | None) -> list[UUID]:
    """The topics of a scope that are still there, by the ids that tables refer to."""
    return list(db.session.scalars(select(ScopeRoot.node_id).where(ScopeRoot.scope_id == scope_id)))


def read_newest_version(organization_id: UUID) -> str | None:
    """The highest version of the organization's taxonomies; None where it has none."""
    versions = db.session.scalars(
        select(Taxonomy.version).where(Taxonomy.organization_id == organization_id)
    )
    return next(iter(sort_versions(versions)), None)


def unknown_nodes(missing: Sequence[str], version: str | None) -> BadReference:
    """The refusal of topics that are not there (docs/contract/knowledge.md, from-taxonomy)."""
    place = f" in taxonomy {version}" if version else ""
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return BadReference(
        f"Invalid taxonomy node IDs: {', '.join(missing[:20])}",
        page_message=f"There is no such topic{place}: {', '.join(missing[:3])}{more}.",
        code="unknown_nodes",
        field="nodes",
        extras={"invalid": list(missing[:100])},
        suggestions=[f"Name topics that are{place or ' in a taxonomy'}, by id or by path."],
    )


def _hashable(reference: UUID | Sequence[str]) -> UUID | Path:
    return reference if isinstance(reference, UUID) else tuple(reference)
