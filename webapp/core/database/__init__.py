"""One manner for SQLite and PostgreSQL: types, SQL, texts, connections and transactions."""
