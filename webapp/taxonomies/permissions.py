"""What may be done with knowledge: topics, the documents about them, and how much they cover."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: to read it, to search it, to see what is missing
KNOWLEDGE_READ = Permission("knowledge:read", Role.VIEWER)
#: to add to it, to change and to delete it, to say how much of it there should be
KNOWLEDGE_WRITE = Permission("knowledge:write", Role.ADMIN)

PERMISSIONS = (KNOWLEDGE_READ, KNOWLEDGE_WRITE)
