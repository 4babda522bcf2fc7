"""Publishes outputs at least once or exactly once."""
