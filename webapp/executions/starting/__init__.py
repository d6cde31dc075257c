"""Run an agent from its page: a form made from its input_schema."""
