"""The longest names, and text from outside on one line."""

NAME_CHARACTERS = 1_024
"""The longest id, name or metadata string that is accepted."""


def one_line(value: str, limit: int = NAME_CHARACTERS) -> str:
    """A name or a subject on one line, without characters that cannot be written or seen, cut at a limit."""
    return "".join(filter(str.isprintable, " ".join(value.split())))[:limit]
