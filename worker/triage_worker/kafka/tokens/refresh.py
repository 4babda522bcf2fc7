"""Decides when a token is fetched again, and which one is used until then; knows neither a clock nor a network."""

import random
from collections.abc import Callable

from triage_worker.kafka.tokens.token import Token, TokenError
from triage_worker.resilience.backoff import RetryPolicy

REFRESH_AT = 0.8
"""The share of a token's lifetime after which the next one is fetched."""

JITTER = 0.05
"""How far that share may be off, either way, so that replicas that started together do not ask together."""

RETRY = RetryPolicy(first_s=1.0, longest_s=10.0)
LONGEST_RETRY_AFTER_S = 60.0
"""An issuer that asks for a longer pause is asked again after this one: services may stand still meanwhile."""

REFUSABLE_AFTER_S = 10.0
"""A refusal of a younger token says nothing about it: a broker looks up the issuer's new keys only then."""


class TokenRefresh:
    """The state of one token. All times are in seconds of one clock, which the caller reads.

    Args:
        chance: returns a random number from 0 to 1.

    Attributes:
        due_at: when the next token should be fetched.
        error: why the last attempt failed; None if it did not.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._token: Token | None = None
        self._fetched_at = 0.0
        self._failures = 0
        self._is_suspect = False
        self.due_at = float("-inf")
        self.error: TokenError | None = None

    @property
    def has_had_one(self) -> bool:
        """Whether any attempt succeeded."""
        return self._token is not None

    def valid_for_s(self, now: float) -> float:
        """For how many seconds the present token is valid; 0 if there is none."""
        return 0.0 if self._token is None else max(0.0, self._fetched_at + self._token.lifetime_s - now)

    def valid(self, now: float) -> str | None:
        """The present token while it is valid, also one that a broker refused."""
        return self._token.value if self._token is not None and self.valid_for_s(now) > 0 else None

    def usable(self, now: float) -> str | None:
        """The present token, unless it has ended, or a broker refused it and no attempt was made since."""
        return None if self._is_suspect else self.valid(now)

    def fetched(self, token: Token, now: float) -> None:
        """Use a new token."""
        self._token, self._fetched_at = token, now
        self._failures, self._is_suspect, self.error = 0, False, None
        self.due_at = now + token.lifetime_s * (REFRESH_AT + JITTER * (2 * self._chance() - 1))

    def failed(self, error: TokenError, now: float) -> None:
        """Keep the present token, since there is no other, and plan the next attempt."""
        self._failures += 1
        self._is_suspect, self.error = False, error
        asked_s = None if error.retry_after_s is None else min(error.retry_after_s, LONGEST_RETRY_AFTER_S)
        self.due_at = now + RETRY.delay_s(self._failures, asked_s)

    def refused(self, now: float) -> None:
        """Replace the present token at once, which a broker did not accept: the issuer may have revoked its keys."""
        if self._token is not None and now - self._fetched_at >= REFUSABLE_AFTER_S and self.error is None:
            self._is_suspect = True
            self.due_at = min(self.due_at, now)
