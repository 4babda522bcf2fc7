"""What a text says before any model reads it: its language, its personal data."""
