"""The file of people who sign in by a password: names, roles and hashes."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from triage_schemas.validation import first_error

from triage_worker.config.console_values import Role
from triage_worker.config.errors import ConfigError
from triage_worker.console.signing_in.passwords import check_new_password, hash_password, matches
from triage_worker.console.signing_in.roles import Person

HEADER = "# People who sign in to `triage console`: hashes only. `triage console user NAME` adds one.\n"


class UserEntry(BaseModel):
    """A person in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[\w.@+-]{1,64}$")]
    role: Role
    hash: Annotated[str, Field(pattern=r"^scrypt:\d{4,7}:[A-Za-z0-9+/=]{16,64}:[A-Za-z0-9+/=]{40,128}$")]


class _UserFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    users: list[UserEntry]


_NOBODY = hash_password(secrets.token_hex())
"""Compared with for a name that is not known, so that the time of the answer does not say which names are."""


class Users:
    """The people of a file, as it is now; it is read again when it has changed.

    Args:
        path: of the file.

    Raises:
        ConfigError: it cannot be read at the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stat = _stat(path)
        self._entries = read_users(path)

    def sign_in(self, name: str, password: str) -> Person | None:
        """Return the person of a name and password, in about 60 ms; None if they do not fit."""
        entry = self._find(name)
        fits = matches(password, _NOBODY if entry is None else entry.hash)
        return Person(entry.name, entry.role, "password") if entry is not None and fits else None

    def current(self, name: str) -> Person | None:
        """Return somebody with the role that the file says now; None if the file no longer has them."""
        entry = self._find(name)
        return None if entry is None else Person(entry.name, entry.role, "password")

    def _find(self, name: str) -> UserEntry | None:
        stat = _stat(self._path)
        if stat != self._stat:
            self._stat = stat
            try:
                self._entries = read_users(self._path)
            except ConfigError:
                self._entries = ()  # nobody signs in by a file that is not valid
        return next((entry for entry in self._entries if entry.name == name), None)


def read_users(path: Path) -> Sequence[UserEntry]:
    """Read the file, in YAML or JSON.

    Raises:
        ConfigError: it cannot be read, or is not valid; says what is wrong, and shows no hash.
    """
    try:
        entries = _UserFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).users
    except OSError as error:
        raise ConfigError(
            f"The file of people {path} cannot be read ({error.strerror}): check TRIAGE_CONSOLE_USERS."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"The file of people {path} is not YAML or JSON: correct it.") from None
    except ValidationError as error:
        first = first_error(error)
        place = f" at {first.path}" if first.path else ""
        raise ConfigError(f"The file of people {path} is not valid{place}: {first.message}.") from None
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"The file of people {path} has {twice} twice: remove one of them.")
    return entries


def add_user(path: Path, name: str, role: Role, password: str) -> None:
    """Add somebody to a file, or replace them; the file is made if there is none, and only its owner can read it then.

    Raises:
        ConfigError: the name or the password is not valid, or the file cannot be written.
    """
    check_new_password(password, name)
    try:
        entry = UserEntry(name=name, role=role, hash=hash_password(password))
    except ValidationError:
        raise ConfigError(f"{name!r} is no name: use up to 64 letters, digits and the characters . _ - + @.") from None
    others = [one for one in (read_users(path) if path.exists() else ()) if one.name != name]
    listed = yaml.safe_dump({"users": [one.model_dump(mode="json") for one in (*others, entry)]}, sort_keys=False)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(HEADER + listed)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"The file of people {path} cannot be written ({error.strerror}).") from None


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
