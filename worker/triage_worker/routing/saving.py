"""Changes ``routes.yaml``: as a whole or not at all, and never what somebody else has changed meanwhile."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage_worker.config.errors import ConfigError
from triage_worker.routing.routes_file import RulesText, parse, read, unified


class ChangedMeanwhileError(ConfigError):
    """The file is not what it was when it was opened; nothing was saved."""


def is_writable(path: Path) -> bool:
    """Whether this process may replace a file: it is not mounted read-only, as a ConfigMap is."""
    target = path.resolve()
    return os.access(target.parent, os.W_OK | os.X_OK) and os.access(target, os.W_OK)


def save(path: Path, text: str, *, opened: str) -> RulesText:
    """Replace a file of rules.

    A crash leaves the old file or the new one. Processes that save at the same time take turns, and the second one is
    refused. Editors do not take turns: what one saves within the same milliseconds can be lost.

    Args:
        path: of the file; a link stays one, and the file that it points to is replaced.
        text: YAML, which is checked.
        opened: the digest of the file that was changed into this text.

    Returns:
        What is in the file now.

    Raises:
        RulesError: the text is not valid.
        ChangedMeanwhileError: the file has another digest.
        ConfigError: it cannot be written.
    """
    text = unified(text)
    parse(text, path.name)
    target = path.resolve()
    try:
        with _locked(target):
            if read(target).digest != opened:
                raise ChangedMeanwhileError(f"{path} was changed by somebody else since you opened it.")
            _replace(target, text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}), and is as it was.") from error
    return RulesText(text, hashlib.sha256(text.encode()).hexdigest())


def _replace(target: Path, text: str) -> None:
    scratch = target.with_name(f".{target.name}.new")
    try:
        with scratch.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the lock of a file, which is another file beside it: the file itself is replaced."""
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by the system if this process dies
        yield
