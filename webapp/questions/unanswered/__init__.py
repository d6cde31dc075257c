"""Unanswered question: what people asked an agent and its documents hardly say anything about."""
