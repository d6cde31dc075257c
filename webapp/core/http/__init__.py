"""What surrounds every request: what is read of it, how often, how it is refused."""
