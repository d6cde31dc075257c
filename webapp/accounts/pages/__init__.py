"""The pages of accounts: a file each for the ways in, oneself, members and API keys."""

from __future__ import annotations

from webapp.accounts.pages import entry, keys, members, profile

BLUEPRINTS = (entry.bp, members.bp, keys.bp, profile.bp)
