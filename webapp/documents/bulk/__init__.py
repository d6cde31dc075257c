"""Bulk: many documents at once, deleted or about other topics, by a task."""
