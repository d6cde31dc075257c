"""Reading: a file of any kind becomes a title and text, and the text becomes passages."""
