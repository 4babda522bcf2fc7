"""Verifies webhooks: signatures of the body, most of them with a time, or a secret that the request carries itself.

All comparisons take the same time wherever the first difference is. All secrets of a source are tried.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

FUTURE_S = 60.0
"""A clock may be ahead by so much."""

Headers = Mapping[str, str]
"""The headers of a request, by lower-case names."""


class UnverifiedError(Exception):
    """A webhook does not come from whom it should; ``str()`` says what is wrong.

    Attributes:
        code: a stable word.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about its signature.

    Attributes:
        digests: any of which may be the right one.
        timestamp: seconds since 1970; None if none is signed.
        prefix: what is signed before the body.
        algorithm: of the hash.
    """

    digests: Sequence[bytes]
    timestamp: float | None = None
    prefix: bytes = b""
    algorithm: Literal["sha1", "sha256"] = "sha256"


Signature = Callable[[Headers], Claim]
"""Reads what a request claims from its headers alone, so that a request without a signature costs nothing.

Raises `UnverifiedError`.
"""


def verify(claim: Claim, body: bytes, secrets: Sequence[bytes]) -> None:
    """Verify a signature.

    Raises:
        UnverifiedError: no secret gives it.
    """
    matched = False
    for secret in secrets:
        computed = hmac.new(secret, claim.prefix + body, claim.algorithm).digest()
        for digest in claim.digests:
            matched |= hmac.compare_digest(computed, digest)
    if not matched:
        raise UnverifiedError(
            "wrong_signature", "The signature is not that of this body: see whether the sender has the same secret."
        )


def check_time(claim: Claim, window_s: float, now: float) -> None:
    """Refuse a signature that is too old, or from the future.

    Args:
        claim: with the time.
        window_s: how old it may be, in seconds.
        now: seconds since 1970.

    Raises:
        UnverifiedError: it is.
    """
    if claim.timestamp is None:
        return
    age_s = now - claim.timestamp
    if not -FUTURE_S <= age_s <= window_s:
        raise UnverifiedError(
            "old_signature",
            f"The signature was made {abs(age_s):.0f} s {'ago' if age_s > 0 else 'from now'}, and at most "
            f"{window_s:.0f} s are allowed: sign each attempt anew, and see whether both clocks are right.",
        )


def check_secret(headers: Headers, header: str, user: str | None, secrets: Sequence[bytes]) -> None:
    """Check the secret that a request carries: in a header, as bearer token, or as password.

    Args:
        headers: of the request.
        header: that may have it.
        user: who may give it as password; None: anyone.
        secrets: any of which is right.

    Raises:
        UnverifiedError: there is none, or a wrong one.
    """
    given = _given_secret(headers, header.lower(), user)
    matched = False
    for secret in secrets:
        # Hashed, so that the time does not tell the length either.
        matched |= hmac.compare_digest(sha256(secret).digest(), sha256(given).digest())
    if not matched:
        raise UnverifiedError("wrong_secret", "The secret is not one of this source's.")


def hexadecimal(value: str, header: str) -> bytes:
    """Decode a digest that is written in hexadecimal."""
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise UnverifiedError("no_signature", f"The header {header} should have a hexadecimal digest.") from None


def base_64(value: str, header: str) -> bytes:
    """Decode a digest that is written in base64."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise UnverifiedError("no_signature", f"The header {header} should have a digest in base64.") from None


def required_header(headers: Headers, name: str) -> str:
    """Return a header of the signature."""
    value = headers.get(name.lower(), "").strip()
    if not value:
        raise UnverifiedError("no_signature", f"The header {name} is missing: let the sender sign its webhooks.")
    return value


def unix_time(value: str, header: str, *, milliseconds: bool = False) -> float:
    """Parse a time in seconds or milliseconds since 1970."""
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        unit = "milliseconds" if milliseconds else "seconds"
        raise UnverifiedError("no_signature", f"The header {header} should have {unit} since 1970.")
    return int(value) / 1_000 if milliseconds else float(value)


def iso_time(value: str, header: str) -> float:
    """Parse a time in ISO 8601."""
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UnverifiedError("no_signature", f"The header {header} should have a time in ISO 8601.") from None


def _given_secret(headers: Headers, header: str, user: str | None) -> bytes:
    own = headers.get(header)
    if own is not None:
        return own.strip().encode("latin-1", "replace")
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return rest.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        try:
            name, colon, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):
            colon = b""
        if colon and (user is None or hmac.compare_digest(name, user.encode())):
            return password
    raise UnverifiedError(
        "no_secret", f"A secret is needed: in the header {header}, as bearer token, or as the password of Basic."
    )
