"""Changes of the database's schema, one module each, up and down, on SQLite and PostgreSQL."""
