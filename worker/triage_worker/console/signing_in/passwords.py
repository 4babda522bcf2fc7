"""Passwords: which may be used, and their hashes by scrypt."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from triage_worker.config.errors import ConfigError

N, R, P = 2**15, 8, 1
"""OWASP's minimum for scrypt with one thread would be N=2**17; this takes 32 MiB and 60 ms, and guesses are limited."""

MEMORY = 64 * 1024 * 1024
SALT_BYTES = 16
SHORTEST, LONGEST = 12, 128
STRONG = 3
"""Of zxcvbn's steps from 0 to 4: a hundred million guesses and more."""

MOST_RATED = 72
"""Characters that zxcvbn rates; a password whose beginning is strong is strong."""


def hash_password(password: str, salt: bytes | None = None, n: int = N) -> str:
    """Return the hash of a password, as the file has it."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    key = hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, n=n, r=R, p=P, maxmem=MEMORY)
    return f"scrypt:{n}:{b64encode(salt).decode()}:{b64encode(key).decode()}"


def matches(password: str, hashed: str) -> bool:
    """Whether a password has this hash."""
    _, n, salt, _ = hashed.split(":")
    return hmac.compare_digest(hash_password(password, b64decode(salt), int(n)), hashed)


def check_new_password(password: str, name: str) -> None:
    """Check a password that somebody wants to use.

    Args:
        password: what they want to use.
        name: theirs; it is easy to guess.

    Raises:
        ConfigError: it is too short, too long, or among those that are guessed first; says so.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415 (its lists of words take 40 ms to load, and only this needs them)

    if len(password) < SHORTEST:
        raise ConfigError(f"A password has at least {SHORTEST} characters: choose a longer one.")
    if len(password) > LONGEST:
        raise ConfigError(f"A password has at most {LONGEST} characters: choose a shorter one.")
    rated = zxcvbn(password[:MOST_RATED], user_inputs=[name, "triage", "console"])
    if rated["score"] < STRONG:
        why = str(rated["feedback"]["warning"] or "It is easy to guess.").rstrip(".")
        raise ConfigError(f"This password would be guessed ({why}): choose another one, such as four unusual words.")
