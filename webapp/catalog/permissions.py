"""What may be done with models."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: which models there are, what they cost and whether they answer; their keys nobody reads
MODELS_READ = Permission("models:read", Role.VIEWER)
#: models, their keys, and which one the organization's agents begin with
MODELS_WRITE = Permission("models:write", Role.ADMIN)

PERMISSIONS = (MODELS_READ, MODELS_WRITE)
