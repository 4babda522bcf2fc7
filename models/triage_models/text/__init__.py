"""What a text is before any model reads it: the language that it is in."""
