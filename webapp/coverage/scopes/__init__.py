"""Scope: the topics an agent knows about, and through them the documents it answers from."""
