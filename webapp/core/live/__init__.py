"""Live: a service announces a topic, and every page that follows it draws the present state.

An announcement carries a topic and nothing else. It is a row of the announcing transaction, so it
is sent after the commit, dropped on rollback, and seen by every web process. A socket first gets
the present state, so reconnecting is the whole recovery.
"""

from webapp.core.live.sockets import Frame, init_app, socket
from webapp.core.live.streams import Event, stream_response
from webapp.core.live.topics import Announcement, announce, register

__all__ = [
    "Announcement",
    "Event",
    "Frame",
    "announce",
    "init_app",
    "register",
    "socket",
    "stream_response",
]
