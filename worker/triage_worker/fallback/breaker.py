"""A circuit breaker: an endpoint that keeps failing is left alone for a while, then tried with one call."""

from typing import Literal

State = Literal["closed", "open", "half_open"]

FAILURES = 8
"""This many in a row open the breaker; an endpoint that fails a third of the time does that once in 6,561 calls."""

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
LONGEST_REST_S = 300.0
LOOK_AGAIN_S = 0.5


class Breaker:
    """Times are in seconds of one monotonic clock, given by the caller. Every call let through gets a verdict."""

    def __init__(
        self, failures: int = FAILURES, first_s: float = FIRST_PAUSE_S, longest_s: float = LONGEST_PAUSE_S
    ) -> None:
        self._limit = failures
        self._first_s = first_s
        self._longest_s = longest_s
        self._in_a_row = 0
        self._pause_s = first_s
        self._open_until = 0.0
        self._rest_until = 0.0
        self.state: State = "closed"

    def wait_s(self, now: float) -> float:
        """How long to wait before asking again; 0 lets one call through."""
        if now < self._rest_until:
            return self._rest_until - now
        if self.state == "half_open":
            return LOOK_AGAIN_S
        if self.state == "open":
            if now < self._open_until:
                return self._open_until - now
            self.state = "half_open"
        return 0.0

    def succeeded(self) -> None:
        """The endpoint answered."""
        self.state = "closed"
        self._in_a_row = 0
        self._pause_s = self._first_s

    def failed(self, now: float, rest_s: float | None = None) -> None:
        """The endpoint did not answer.

        Args:
            now: the time.
            rest_s: how long it asks to be left alone; that holds for every call, not only for the one that was told.
        """
        if rest_s is not None:
            self._rest_until = max(self._rest_until, now + min(rest_s, LONGEST_REST_S))
        self._in_a_row += 1
        if self.state == "half_open":
            self._pause_s = min(2 * self._pause_s, self._longest_s)
            self._open(now)
        elif self.state == "closed" and self._in_a_row >= self._limit:
            self._open(now)

    def withdrawn(self, now: float) -> None:
        """A call that was let through was not made, or cut short by us: it says nothing, and the next may try."""
        if self.state == "half_open":
            self.state = "open"
            self._open_until = now

    def _open(self, now: float) -> None:
        self.state = "open"
        self._open_until = now + self._pause_s
