"""Tokens by which clients log in: where they come from, and one source of them for all clients of the process."""
