"""A client-side rate limiter that spreads calls evenly over time."""


class RateLimiter:
    """Gives each call its own slot, so that no minute has more calls than allowed.

    It has no clock of its own: callers pass the time, in seconds of one monotonic clock.

    Args:
        per_minute: the most calls in a minute.
    """

    def __init__(self, per_minute: int) -> None:
        self._interval_s = 60 / per_minute
        self._next_slot = 0.0

    def reserve_s(self, now: float) -> float:
        """Reserve the next free slot and return the seconds until it."""
        slot = max(now, self._next_slot)
        self._next_slot = slot + self._interval_s
        return slot - now
