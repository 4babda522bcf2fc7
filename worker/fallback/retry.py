"""When to ask again."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 5
"""Calls for one message that may fail before a person decides it."""

FIRST_S = 0.5
LONGEST_S = 8.0


def pause_s(failures: int, asked_s: float | None, spread: Callable[[], float] = random.random) -> float:
    """How long to wait after so many failures: what the server asked for at least, and never in step with others.

    Args:
        failures: calls that failed so far, 1 or more.
        asked_s: what the server's Retry-After said; None where it said nothing.
        spread: a number from 0 to 1.
    """
    jittered = min(LONGEST_S, FIRST_S * 2.0 ** (failures - 1)) * spread()
    return jittered if asked_s is None else asked_s + jittered


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """A Retry-After header, which is seconds or a date, in seconds from now; None when it says nothing."""
    if header is None:
        return None
    try:
        return max(0.0, float(header)) if header.strip().isdigit() else _until(header, now or datetime.now(UTC))
    except ValueError:
        return None


def _until(header: str, now: datetime) -> float:
    moment: datetime = parsedate_to_datetime(header)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
