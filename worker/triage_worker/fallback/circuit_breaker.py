"""A circuit breaker: an endpoint that keeps failing is not called for a while, then tried with one call."""

from typing import Literal

State = Literal["closed", "open", "half_open"]

FAILURE_LIMIT = 8
"""Failures in a row that open the breaker. If a third of all calls fail, that happens once in 6,561 calls."""

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
LONGEST_RETRY_AFTER_S = 300.0
TRIAL_POLL_S = 0.5
"""How often waiting calls look whether the trial call has ended."""


class CircuitBreaker:
    """Decides when an endpoint may be called.

    It has no clock of its own: callers pass the time of one monotonic clock, in seconds. When `wait_s` has returned 0,
    the caller must report the call with `record_success`, `record_failure` or `record_cancellation`.

    Args:
        failures: failures in a row that open the breaker.
        first_s: the first pause, in seconds; it doubles with each trial call that fails.
        longest_s: the longest pause, in seconds.
    """

    def __init__(
        self, failures: int = FAILURE_LIMIT, first_s: float = FIRST_PAUSE_S, longest_s: float = LONGEST_PAUSE_S
    ) -> None:
        self._limit = failures
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0
        self._pause_s = first_s
        self._open_until = 0.0
        self._retry_after = 0.0
        self.state: State = "closed"

    def wait_s(self, now: float) -> float:
        """Seconds to wait before a call; 0 allows one call."""
        if now < self._retry_after:
            return self._retry_after - now
        if self.state == "half_open":
            return TRIAL_POLL_S
        if self.state == "open":
            if now < self._open_until:
                return self._open_until - now
            self.state = "half_open"
        return 0.0

    def record_success(self) -> None:
        """Record that the endpoint answered."""
        self.state = "closed"
        self._failures = 0
        self._pause_s = self._first_s

    def record_failure(self, now: float, retry_after_s: float | None = None) -> None:
        """Record that the endpoint did not answer.

        Args:
            now: the time.
            retry_after_s: how long the endpoint asks to be left alone; holds back every call, up to five minutes.
        """
        if retry_after_s is not None:
            self._retry_after = max(self._retry_after, now + min(retry_after_s, LONGEST_RETRY_AFTER_S))
        self._failures += 1
        if self.state == "half_open":
            self._pause_s = min(2 * self._pause_s, self._longest_s)
            self._open(now)
        elif self.state == "closed" and self._failures >= self._limit:
            self._open(now)

    def record_cancellation(self) -> None:
        """Record that an allowed call was not made, or was cut short here; it says nothing about the endpoint."""
        if self.state == "half_open":
            self.state = "open"  # its pause is over, so the next call may be made at once

    def _open(self, now: float) -> None:
        self.state = "open"
        self._open_until = now + self._pause_s
