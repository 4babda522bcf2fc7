"""A token, and how long it lasts."""

import re
from base64 import urlsafe_b64decode
from binascii import Error as BadBase64
from dataclasses import dataclass, field

import orjson

from triage_worker.config.errors import TriageError

ASSUMED_LIFETIME_S = 300.0
"""How long a token is used whose end is not known."""

ONE_WORD = re.compile(r"[\x21-\x7e]+")


class TokenError(TriageError):
    """There is no token; says why, and what to do.

    Attributes:
        retry_after_s: in how many seconds the issuer wants to be asked again; None if it does not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it was received.

    Attributes:
        value: the secret itself, which `repr` leaves out.
        lifetime_s: for how many seconds from now on it is accepted.
    """

    value: str = field(repr=False)
    lifetime_s: float


def new_token(value: object, lifetime_s: float | None, now: float, origin: str) -> Token:
    """Check a token that was just received.

    Args:
        value: what should be the token.
        lifetime_s: how long it lasts, in seconds; None if that is not known, and then a JWT says it itself.
        now: the time, in seconds since 1970.
        origin: where it comes from, for the error.

    Raises:
        TokenError: it is none, or has ended already.
    """
    if not isinstance(value, str) or not ONE_WORD.fullmatch(value.strip()):
        raise TokenError(f"{origin} gave no token, but something else: a token is one line of ASCII characters.")
    value = value.strip()
    if lifetime_s is None:
        lifetime_s = jwt_lifetime_s(value, now)
    if lifetime_s is None:
        lifetime_s = ASSUMED_LIFETIME_S
    if lifetime_s <= 0:
        raise TokenError(
            f"{origin} gave a token that ended {-lifetime_s:.0f} s ago: see whether the clocks are right on both sides."
        )
    return Token(value, lifetime_s)


def jwt_lifetime_s(value: str, now: float) -> float | None:
    """How long a JWT lasts, in seconds; None if it does not say, or is no JWT. Its signature is the broker's to check.

    Args:
        value: the token.
        now: the time, in seconds since 1970.
    """
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, BadBase64):
        return None
    ends = claims.get("exp") if isinstance(claims, dict) else None
    return float(ends) - now if isinstance(ends, int | float) else None
