"""Transfer: agents as a portable file, written by an export and read by an import."""
