"""A version written as what makes another: the draft that a new version begins with."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

from webapp.core.actor import Actor
from webapp.taxonomies.draft import load_nodes
from webapp.taxonomies.models import TaxonomyNode, label_key
from webapp.taxonomies.services import get_taxonomy

#: topics, and characters of their paths, that one can change in a text box
MAX_TOPICS, MAX_CHARACTERS = 1_000, 60_000
#: what a label has in it that means something to `TaxonomyForm`
_SPECIAL = re.compile(r'[>,;"\t\r\n]|^[{\[]')


def write_draft(version: str, *, actor: Actor) -> str:
    """All topics of a version, as `TaxonomyForm` takes them: a path in each line, parents first.

    Where paths do not say it all (targets, several parents, namesakes, odd labels) it is JSON.
    What needs an id has a new one: ids are unique in the organization.
    """
    nodes, parents = load_nodes(get_taxonomy(version, actor=actor))
    ordered = sorted(nodes.values(), key=lambda node: [*map(label_key, node.canonical_path)])
    has_namesakes = max(Counter(tuple(n.canonical_path) for n in ordered).values(), default=1) > 1
    edges = [
        (parent, node.public_id)
        for node in ordered
        for parent in sorted(parents.get(node.public_id, ()))
        if has_namesakes or nodes[parent].canonical_path != node.canonical_path[:-1]
    ]
    is_plain = not edges and not any(
        node.target_documents is not None or _SPECIAL.search(node.label) for node in ordered
    )
    if is_plain and not has_namesakes:
        return "".join(f"{' > '.join(node.canonical_path)}\n" for node in ordered)
    named = nodes.keys() if has_namesakes else {end for edge in edges for end in edge}
    ids = {node_id: uuid4() for node_id in named}
    items = [_describe(node, ids.get(node.public_id), has_namesakes) for node in ordered]
    joined = [{"parent": str(ids[parent]), "child": str(ids[child])} for parent, child in edges]
    return f'{{"nodes": {_list(items)}, "edges": {_list(joined)}}}\n'


def _describe(node: TaxonomyNode, node_id: UUID | None, is_by_label: bool) -> dict[str, Any]:
    item = {
        "path": None if is_by_label else node.canonical_path,
        "label": node.label if is_by_label else None,
        "node_id": node_id and str(node_id),
        "target_documents": node.target_documents,
    }
    return {name: value for name, value in item.items() if value is not None}


def _list(items: list[dict[str, Any]]) -> str:
    """A list of JSON with a line for each item."""
    lines = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in items)
    return f"[\n  {lines}\n]" if items else "[]"
