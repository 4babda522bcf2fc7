"""Entities in a text, such as order numbers, amounts and dates: deterministic, in microseconds."""
