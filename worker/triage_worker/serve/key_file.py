"""Follows the file of keys: a key that is added or removed counts within two seconds, without a restart."""

import asyncio
import logging
from pathlib import Path

from triage_worker.config.errors import ConfigError
from triage_worker.serve.keys import KeyRing, read_keys
from triage_worker.serve.metrics import ServeMetrics

log = logging.getLogger(__name__)

POLL_S = 1.0

Fingerprint = tuple[int, int, int] | None


class KeyFile:
    """The keys of a file, as it is now. If it cannot be read, the last keys stay valid.

    Args:
        path: of the file, which may be a link, as Kubernetes makes them.
        metrics: where changes are counted.

    Raises:
        ConfigError: the file cannot be read at the start.
    """

    def __init__(self, path: Path, metrics: ServeMetrics) -> None:
        self._path = path
        self._metrics = metrics
        self._seen = _fingerprint(path)
        self._ring = read_keys(path)

    def current(self) -> KeyRing:
        """Return the keys that are valid now."""
        return self._ring

    async def run(self) -> None:
        """Follow the file until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            await asyncio.to_thread(self.check)

    def check(self) -> None:
        """Read the file again if it has changed."""
        found = _fingerprint(self._path)
        if found == self._seen:
            return
        self._seen = found
        try:
            self._ring = read_keys(self._path)
        except ConfigError as error:
            self._metrics.keys_reloaded("refused")
            log.error("The file of keys has changed and is not used; the last keys stay valid: %s", error)  # noqa: TRY400 (a sentence)
        else:
            self._metrics.keys_reloaded("loaded")
            log.info("The file of keys is loaded", extra={"keys": len(self._ring.entries)})


def _fingerprint(path: Path) -> Fingerprint:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
