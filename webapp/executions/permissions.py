"""What may be done with executions; to start one is `executions:run`, which agents bring."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: what agents did, with their inputs, outputs and logs
EXECUTIONS_READ = Permission("executions:read", Role.VIEWER)

PERMISSIONS = (EXECUTIONS_READ,)
