"""Live: a service announces a feed, and every page that follows it draws the present state.

An announcement carries the name of a feed and nothing else. It is a row of the announcing
transaction, so it is sent after the commit, dropped on rollback, and seen by every web process. A
socket first gets the present state, so reconnecting is the whole recovery; of a log, which only
grows, it gets the rows behind the last that it has.
"""

from webapp.core.feature import Feature
from webapp.core.live import announcements, sockets
from webapp.core.live.announcements import Announcement, announce
from webapp.core.live.connections import error_event
from webapp.core.live.feeds import Feed, draw_revision
from webapp.core.live.following import late_response
from webapp.core.live.logs import Log
from webapp.core.live.sockets import (
    FollowRoute,
    Frame,
    SocketRoute,
    init_app,
    last_event_id,
)
from webapp.core.live.streams import Event, stream_response

__all__ = [
    "Announcement",
    "Event",
    "Feed",
    "FollowRoute",
    "Frame",
    "Log",
    "SocketRoute",
    "announce",
    "draw_revision",
    "error_event",
    "init_app",
    "last_event_id",
    "late_response",
    "stream_response",
]


FEATURE = Feature(contributions=(announcements.RETENTION, sockets.DOCUMENT))
