"""Drawing directed graphs."""
