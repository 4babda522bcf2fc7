"""Decides who may do what: keys, rights and rates."""

from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers

from triage_worker.serve.keys import KeyEntry, KeyRing, Right, is_expired
from triage_worker.serve.problems import ProblemError, try_later
from triage_worker.web.token_bucket import TokenBucket

ANYONE = KeyEntry(name="anyone", hash="sha256:" + "0" * 64, rights=("classify", "intents", "metrics"))
"""Stands for all callers where there are no keys, since only this machine can connect then."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="triage"'}


class Access:
    """Checks requests.

    Args:
        keys: returns the keys that are valid now; None: there are none, and everything is allowed.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, keys: Callable[[], KeyRing] | None, clock: Callable[[], float] = monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def allow(self, headers: Headers, right: Right) -> KeyEntry:
        """Return the key of a request.

        Raises:
            ProblemError: there is no valid key, or it has not this right.
        """
        if self._keys is None:
            return ANYONE
        entry = self._keys().find(_presented(headers))
        if entry is None:
            raise ProblemError(401, "unknown_key", "This key is not known: ask for one.", headers=CHALLENGE)
        if is_expired(entry):
            detail = f"The key {entry.name} has expired: ask the operator for another one."
            raise ProblemError(401, "expired_key", detail, headers=CHALLENGE)
        if right not in entry.rights:
            raise ProblemError(403, "missing_right", f"The key {entry.name} has not the right {right}.")
        return entry

    def take(self, entry: KeyEntry, texts: int) -> None:
        """Take texts from the rate of a key.

        Raises:
            ProblemError: the rate is exceeded; says when to try again.
        """
        if entry.rate is None:
            return
        wait_s = self._bucket(entry).take(texts, self._clock())
        if wait_s > 0:
            detail = f"The key {entry.name} may send {entry.rate:g} texts a second: try again in {wait_s:.1f} s."
            raise try_later(429, "rate_exceeded", detail, wait_s)

    def _bucket(self, entry: KeyEntry) -> TokenBucket:
        assert entry.rate is not None
        bucket = self._buckets.get(entry.name)
        if bucket is None or (bucket.rate, bucket.burst) != (entry.rate, entry.largest_burst):
            bucket = self._buckets[entry.name] = TokenBucket(entry.rate, entry.largest_burst, self._clock())
        return bucket


def _presented(headers: Headers) -> str:
    """Return the key that a request carries."""
    authorization = headers.get("authorization")
    own = headers.get("x-api-key")
    if authorization is None and own is None:
        detail = "A key is needed: send it as “Authorization: Bearer KEY”, or as “X-API-Key: KEY”."
        raise ProblemError(401, "no_key", detail, headers=CHALLENGE)
    if authorization is None:
        return str(own).strip()
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        detail = "The header Authorization should be “Bearer KEY”."
        raise ProblemError(401, "no_key", detail, headers=CHALLENGE)
    if own is not None and own.strip() != key.strip():
        raise ProblemError(400, "two_keys", "Authorization and X-API-Key have different keys: send one of them.")
    return key.strip()
