"""What may be done with webhooks."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: the addresses, and what was sent to them
WEBHOOKS_READ = Permission("webhooks:read", Role.ADMIN)
#: the addresses and their secrets
WEBHOOKS_WRITE = Permission("webhooks:write", Role.ADMIN)

PERMISSIONS = (WEBHOOKS_READ, WEBHOOKS_WRITE)
