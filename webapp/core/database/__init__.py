"""One manner for SQLite and PostgreSQL: types, SQL, connections, transactions, migrations."""
