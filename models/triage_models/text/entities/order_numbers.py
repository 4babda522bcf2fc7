"""Order numbers by a shop's own pattern."""

from collections.abc import Iterator
from typing import Any

from triage_models.errors import DataError
from triage_models.text.entities.entity import Entity

_MOST_MEMORY = 8 << 20


class OrderNumbers:
    """A shop's pattern. It runs on RE2, in time that grows with the text alone, whatever the pattern.

    Args:
        pattern: a regular expression; if it has a group, the first one is the number.

    Raises:
        DataError: the pattern is not valid, or matches nothing at all.
    """

    def __init__(self, pattern: str) -> None:
        import re2  # noqa: PLC0415 (only where a pattern is set)

        options = re2.Options()
        options.max_mem = _MOST_MEMORY
        options.log_errors = False
        try:
            self._pattern: Any = re2.compile(pattern, options)
        except re2.error as error:
            said = error.args[0]
            reason = said.decode() if isinstance(said, bytes) else said
            raise DataError(f"the pattern is not one that RE2 takes: {reason}") from None
        if self._pattern.search("") is not None:
            raise DataError("the pattern matches an empty text, so it would match everywhere")
        self._group = min(1, self._pattern.groups)

    def find(self, text: str) -> Iterator[Entity]:
        """Yield order numbers."""
        for found in self._pattern.finditer(text):
            start, end = found.span(self._group)
            if 0 <= start < end:
                yield Entity("order_number", start, end, text[start:end])
