"""What may be done with views; whoever sees a list may see those that are shared."""

from __future__ import annotations

from webapp.core.actor import Permission, Role

#: to save, rename and delete one's own
VIEWS_WRITE = Permission("views:write", Role.VIEWER)
#: to share one's own with the organization
VIEWS_SHARE = Permission("views:share", Role.MEMBER)
#: to rename and delete what others share
VIEWS_MANAGE = Permission("views:manage", Role.ADMIN)

PERMISSIONS = (VIEWS_WRITE, VIEWS_SHARE, VIEWS_MANAGE)
