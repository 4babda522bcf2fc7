"""The secrets of a source: from the environment, and from files that may change while the service runs."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from triage_worker.config.errors import ConfigError
from triage_worker.config.intake_sources import IntakeSourceModel

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""A file is looked at again after so long."""


class SourceSecrets:
    """The secrets of a source, any of which is right.

    Args:
        source: that they are of.
        environment: variables by name.
        clock: seconds of a monotonic clock.

    Raises:
        ConfigError: a variable is not set, or a file cannot be read or is empty.
    """

    def __init__(
        self,
        source: IntakeSourceModel,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = source.name
        self._clock = clock
        self._looked_at = clock()
        self._fixed = [_variable(source.name, one.env, environment) for one in source.secrets if one.env is not None]
        self._files = {one.file: _read(source.name, one.file) for one in source.secrets if one.file is not None}

    def current(self) -> Sequence[bytes]:
        """Return the secrets that are right now; a file that cannot be read any more keeps its last one."""
        if self._files and self._clock() - self._looked_at >= LOOK_S:
            self._looked_at = self._clock()
            for path in self._files:
                try:
                    self._files[path] = _read(self._name, path)
                except ConfigError as error:
                    log.error("A secret cannot be read; the last one stays right: %s", error)  # noqa: TRY400 (a sentence)
        return [*self._fixed, *self._files.values()]


def _variable(source: str, name: str, environment: Mapping[str, str]) -> bytes:
    secret = environment.get(name, "").strip()
    if not secret:
        raise ConfigError(f"The secret of the intake's source {source} is missing: set the variable {name}.")
    return secret.encode()


def _read(source: str, path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"The secret of the intake's source {source} cannot be read from {path} ({error.strerror})."
        ) from None
    if not secret:
        raise ConfigError(f"The secret of the intake's source {source} is missing: the file {path} is empty.")
    return secret
