"""Bulk: one change, or a deletion, of many agents at once."""
