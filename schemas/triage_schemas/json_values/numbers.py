"""JSON numbers with the digits that they were written with.

A fast parser turns ``1.10`` into 1.1, and an integer of more than 64 bits into a float. Two customers whose ids differ
in the last digits then share an id. An `InexactNumber` asks for a second parse that keeps each number as a
`WrittenNumber`.
"""

import sys
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

SAFE_INTEGER = 2**53 - 1
"""The largest integer that JSON readers with only floats, such as JavaScript, read exactly."""

_SMALLEST_NORMAL = sys.float_info.min
_DIGITS_TO_ZEROS = bytes.maketrans(b"123456789.", b"0000000000")
_LONG_NUMBER = b"0" * 16


class InexactNumber(Exception):  # noqa: N818 (a signal, not an error)
    """A field was read whose number may have lost digits, so the value must be parsed again."""


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A JSON number. ``text`` is how it was written."""

    text: str


def may_have_lost_digits(number: float, value: bytes) -> bool:
    """Whether a float of a parsed value may differ from the number that was written.

    A float keeps 15 significant digits, so only a longer number can have lost some. A number near zero may have been
    rounded to zero.

    Args:
        number: the float.
        value: the JSON that it was parsed from, or a part of it that includes the number.
    """
    return abs(number) < _SMALLEST_NORMAL or _LONG_NUMBER in value.translate(_DIGITS_TO_ZEROS)


def exact_number(text: str) -> int | float | str:
    """Convert a written number to one that every JSON reader reads exactly; if there is none, return it as written."""
    if text.lstrip("-").isdecimal():
        return int(text) if len(text) <= 17 and abs(int(text)) <= SAFE_INTEGER else text
    number = float(text)
    try:
        return number if Decimal(repr(number)) == Decimal(text) else text
    except InvalidOperation:  # the exponent is out of range
        return text
