"""Audit entry: who did what to which thing, and when. Every change passes through `record`."""
