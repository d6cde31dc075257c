"""What happens to deleted documents: restored for some time, or forgotten."""
