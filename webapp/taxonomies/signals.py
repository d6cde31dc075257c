"""What taxonomies tell, and ask, the features below them."""

from __future__ import annotations

from webapp.core.signals import Signal

#: `taxonomy`: topics hang elsewhere now, so that scopes hold other documents
shape_changed = Signal("taxonomies.shape_changed")
#: `scope_ids` (a select), `limit`: receivers answer the handles of agents that use these scopes
scopes_used = Signal("taxonomies.scopes_used")
