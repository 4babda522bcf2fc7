"""What pydantic found wrong first, for one-sentence error messages."""

from typing import NamedTuple

from pydantic import ValidationError


class FirstError(NamedTuple):
    """The first error of a `ValidationError`, without the value that caused it, which may be private.

    Attributes:
        location: names and indices from the top to the field; empty if the value as a whole is wrong.
        kind: pydantic's name for the error, such as ``missing``.
        message: pydantic's sentence about it, without a full stop.
    """

    location: tuple[int | str, ...]
    kind: str
    message: str

    @property
    def path(self) -> str:
        """The location with dots, such as ``source.offset``; empty if the value as a whole is wrong."""
        return ".".join(map(str, self.location))


def first_error(error: ValidationError) -> FirstError:
    """Return the first error of a validation that failed."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return FirstError(first["loc"], first["type"], first["msg"].removeprefix("Value error, "))
