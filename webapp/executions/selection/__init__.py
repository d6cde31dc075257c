"""What is done with the executions that are selected in the list."""
