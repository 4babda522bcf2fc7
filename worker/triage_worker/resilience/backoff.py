"""Retry delays: exponential back-off with jitter, or a fixed sequence, and ``Retry-After`` before either."""

import random
from dataclasses import dataclass

LONGEST_RETRY_AFTER_S = 3_600.0
"""A server that asks for more than this is asked again after this long."""

MOST_DOUBLINGS = 64
"""Keeps the power of two finite, however often something has failed."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays that double after each failure, up to a limit, with a random part so that clients do not retry in step.

    Attributes:
        first_s: delay after the first failure, in seconds, before jitter.
        longest_s: upper limit of a delay, in seconds.
        jitter: random part of a delay, from 0 (none) to 1 (any delay from 0 to the full one).
    """

    first_s: float
    longest_s: float
    jitter: float = 0.5

    def delay_s(self, failures: int, retry_after_s: float | None = None) -> float:
        """Seconds to wait after ``failures`` failures in a row, which is 1 or more.

        Args:
            failures: how often the attempt failed, the last time included.
            retry_after_s: what the server asked for; replaces the computed delay, up to an hour.
        """
        if retry_after_s is not None:
            return min(retry_after_s, LONGEST_RETRY_AFTER_S)
        full = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, MOST_DOUBLINGS))
        return full * (1.0 - self.jitter * random.random())


@dataclass(frozen=True, slots=True)
class FixedDelays:
    """A fixed sequence of delays; the last one repeats.

    Attributes:
        delays_s: seconds to wait after the first failure, the second, and so on.
    """

    delays_s: tuple[float, ...]

    @property
    def longest_s(self) -> float:
        """The last delay of the sequence, in seconds."""
        return self.delays_s[-1]

    def delay_s(self, failures: int, retry_after_s: float | None = None) -> float:
        """Seconds to wait after ``failures`` failures in a row, which is 1 or more; see `RetryPolicy.delay_s`."""
        if retry_after_s is not None:
            return min(retry_after_s, LONGEST_RETRY_AFTER_S)
        return self.delays_s[min(failures, len(self.delays_s)) - 1]
