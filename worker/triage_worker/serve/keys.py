"""API keys: a file with their hashes, names, rights and rates. Who reads the file learns no key.

A key has 256 random bits, so its plain SHA-256 cannot be guessed. Slow hashes such as scrypt are for passwords that
people choose, and would cost each request 50 ms of CPU time.
"""

import hmac
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from triage_schemas.validation import first_error

from triage_worker.config.errors import ConfigError

Right = Literal["classify", "intents", "metrics"]
RIGHTS: tuple[Right, ...] = get_args(Right)
DEFAULT_RIGHTS: tuple[Right, ...] = ("classify", "intents")

KEY_PREFIX = "triage_"
"""Lets scanners for secrets recognise a key that was published by mistake."""

HASH_PREFIX = "sha256:"
HEADER = "# API keys of `triage serve`: hashes only. `triage serve key NAME` adds one; changes count at once.\n"


class KeyEntry(BaseModel):
    """A key in the file: its hash, and what it allows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    hash: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    rights: tuple[Right, ...] = DEFAULT_RIGHTS
    rate: PositiveFloat | None = None
    burst: PositiveInt | None = None
    expires: AwareDatetime | None = None

    @property
    def largest_burst(self) -> float:
        """Most texts at once: as given, else what the rate gives in two seconds."""
        return float(self.burst or max(1.0, 2.0 * (self.rate or 0.0)))

    @model_validator(mode="after")
    def _burst_needs_a_rate(self) -> Self:
        if self.burst is not None and self.rate is None:
            raise ValueError("burst needs a rate, the texts a second")
        return self


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[KeyEntry]


class KeyRing:
    """The keys that are valid.

    Args:
        entries: with different names and hashes.
    """

    def __init__(self, entries: Sequence[KeyEntry]) -> None:
        self.entries = tuple(entries)

    def find(self, key: str) -> KeyEntry | None:
        """Return the entry of a key, expired or not; the time that it takes does not depend on which it is."""
        presented = digest(key).encode()
        found = None
        for entry in self.entries:
            if hmac.compare_digest(presented, entry.hash.encode()):
                found = entry
        return found


def digest(key: str) -> str:
    """Return the hash of a key, as the file has it."""
    return HASH_PREFIX + sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_key() -> str:
    """Return a new key of 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def read_keys(path: Path) -> KeyRing:
    """Read a file of keys, in YAML or JSON.

    Raises:
        ConfigError: it cannot be read, or is not valid; says what is wrong, and shows no hash.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = _KeyFile.model_validate(content).keys
    except OSError as error:
        raise ConfigError(
            f"The file of keys {path} cannot be read ({error.strerror}): check TRIAGE_SERVE_KEYS."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"The file of keys {path} is not YAML or JSON: correct it.") from None
    except ValidationError as error:
        first = first_error(error)
        place = f" at {first.path}" if first.path else ""
        raise ConfigError(f"The file of keys {path} is not valid{place}: {first.message}.") from None
    for what in ("name", "hash"):
        values = [getattr(entry, what) for entry in entries]
        if len(set(values)) < len(values):
            twice = next(entry.name for entry, value in zip(entries, values, strict=True) if values.count(value) > 1)
            raise ConfigError(f"The file of keys {path} has the {what} of {twice} twice: remove one of them.")
    return KeyRing(entries)


def entry_as_yaml(entry: KeyEntry) -> str:
    """Return an entry as the lines of a list in YAML."""
    plain: dict[str, Any] = entry.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump([plain], sort_keys=False, default_flow_style=False)


def add_key(path: Path, entry: KeyEntry) -> None:
    """Add an entry to a file, which is made if there is none; only its owner can read it then.

    Raises:
        ConfigError: the file cannot be read or written, or has a key of this name.
    """
    others = read_keys(path).entries if path.exists() else ()
    if any(other.name == entry.name for other in others):
        raise ConfigError(f"The file of keys {path} has a key {entry.name} already: choose another name, or remove it.")
    listed = "".join(entry_as_yaml(one) for one in (*others, entry))
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(f"{HEADER}keys:\n{listed}")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"The file of keys {path} cannot be written ({error.strerror}).") from None


def is_expired(entry: KeyEntry, now: datetime | None = None) -> bool:
    """Whether a key is no longer valid."""
    return entry.expires is not None and (now or datetime.now(UTC)) >= entry.expires
