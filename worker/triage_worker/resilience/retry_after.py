"""Parses the ``Retry-After`` header of HTTP."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds to wait from now; None if the header is absent or not valid.

    Args:
        header: a number of seconds, or a date in the format of HTTP.
        now: the current time, with a time zone; read from the clock if None.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now or datetime.now(UTC))
    return seconds if 0 <= seconds < math.inf else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # OverflowError: a year or a day with many digits
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
