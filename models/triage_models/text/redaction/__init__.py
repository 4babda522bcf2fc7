"""Personal data in a text: where it is, and placeholders in its place."""
