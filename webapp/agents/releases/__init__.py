"""Release: a version that was published, with a semantic version, to staging or production."""
