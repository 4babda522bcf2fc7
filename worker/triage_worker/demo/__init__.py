"""The demo: an embedded broker, the shipped bundle and sample messages, and a check that accounts for each of them."""
