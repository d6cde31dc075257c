"""The pages of accounts: a file each for the ways in, members, API keys, sessions and oneself."""

from __future__ import annotations

from webapp.accounts.pages import account, entry, keys, members, sessions

BLUEPRINTS = (entry.bp, members.bp, keys.bp, sessions.bp, account.bp)
