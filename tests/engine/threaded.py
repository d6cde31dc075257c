"""A program that is none: importing it starts a thread, which nothing that is forked would have."""

from __future__ import annotations

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
