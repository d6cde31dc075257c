"""What may be done with agents."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: agents, their versions and releases
AGENTS_READ = Permission("agents:read", Role.VIEWER)
#: what an agent is, which topics it knows about, which version is released
AGENTS_WRITE = Permission("agents:write", Role.ADMIN)
#: to let an agent work: to ask it, to run it
EXECUTIONS_RUN = Permission("executions:run", Role.MEMBER)

PERMISSIONS = (AGENTS_READ, AGENTS_WRITE, EXECUTIONS_RUN)
