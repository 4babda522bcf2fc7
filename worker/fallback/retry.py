"""When to ask again."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 5
"""Calls for one message that may fail before a person decides it."""

FIRST_S = 0.5
LONGEST_S = 8.0


def pause_s(failures: int, spread: Callable[[], float] = random.random) -> float:
    """How long to wait after so many failures, never in step with others.

    Args:
        failures: calls that failed so far, 1 or more.
        spread: gives a number from 0 to 1.
    """
    return min(LONGEST_S, FIRST_S * 2.0 ** (failures - 1)) * spread()


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """A Retry-After header, which is seconds or a date, in seconds from now; None when it says nothing."""
    if header is None:
        return None
    if (number := header.strip()).isdecimal():
        return float(number)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the latter for a year or day of many digits
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
