"""What may be done with tasks."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: how far they are, and what came out of them
TASKS_READ = Permission("tasks:read", Role.VIEWER)
#: to cancel them and to try them again
TASKS_WRITE = Permission("tasks:write", Role.ADMIN)

PERMISSIONS = (TASKS_READ, TASKS_WRITE)
