"""The state of the console: rows in SQLite that are read from the topics."""
