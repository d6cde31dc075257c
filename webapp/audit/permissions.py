"""Who may read all that was done."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: the whole log; the newest entries are for everybody, on the overview
AUDIT_READ = Permission("audit:read", Role.ADMIN)

PERMISSIONS = (AUDIT_READ,)
