"""What people may do with their own ways in, and with those of others."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: one's own sessions, API keys and organizations
ACCOUNT_READ = Permission("account:read", Role.VIEWER)
#: to make and end them, to change one's password, to move to another organization
ACCOUNT_WRITE = Permission("account:write", Role.VIEWER)
#: members, and everything that lets them in
MEMBERS_WRITE = Permission("members:write", Role.ADMIN)

#: the organization's name and logo
ORGANIZATION_WRITE = Permission("organization:write", Role.ADMIN)

PERMISSIONS = (ACCOUNT_READ, ACCOUNT_WRITE, MEMBERS_WRITE, ORGANIZATION_WRITE)
