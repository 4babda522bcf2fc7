"""A token bucket: limits the rate of texts, and allows bursts. It has no clock of its own."""


class TokenBucket:
    """Fills with ``rate`` tokens a second, up to ``burst``.

    Args:
        rate: tokens a second.
        burst: most tokens that can be taken at once.
        now: seconds of a monotonic clock; the bucket is full then.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, tokens: int, now: float) -> float:
        """Take tokens; returns 0, or the seconds until they can be taken.

        More tokens than fit into the bucket are taken from a full one, and have to be earned afterwards: otherwise such
        a request could never be answered.
        """
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        missing = min(tokens, self.burst) - self._tokens
        if missing > 0:
            return missing / self.rate
        self._tokens -= tokens
        return 0.0
