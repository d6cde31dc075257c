"""Coverage: how much of an agent's scope has the documents it should have; what is missing."""
