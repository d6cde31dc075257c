"""Upload: a received file, kept in the database in parts until a task has read it."""
