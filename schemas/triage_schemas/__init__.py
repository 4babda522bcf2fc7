"""The records on Triage's topics: events, their CloudEvents headers, dead letters, and the input messages."""
