"""What runs inside a runner: it knows its order and its channel, and nothing else of Callboard."""
