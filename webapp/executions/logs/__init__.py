"""Logs: what an execution tells of itself, line by line."""
