"""Topics of documents: what they are about, what they seem to be about, and the counts of both."""
