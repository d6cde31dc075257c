"""Metrics: what executions came to, took and cost, over a time."""
