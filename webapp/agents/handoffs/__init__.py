"""Hand-off: one agent passes a conversation on to another."""
