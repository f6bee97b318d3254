"""The database: tables, the lifecycle of a run, and every query."""
