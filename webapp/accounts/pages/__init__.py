"""The pages of accounts: a file each for the ways in and for each tab of the settings."""

from __future__ import annotations

from webapp.accounts.pages import entry, keys, members, organization, profile

BLUEPRINTS = (entry.bp, members.bp, keys.bp, organization.bp, profile.bp)
