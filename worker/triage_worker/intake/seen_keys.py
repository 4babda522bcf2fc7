"""Remembers which keys a partition has had within a window. Pure: no broker, no clock.

Whether a record repeats an earlier one depends on the log of its partition alone: it does if a record before it, within
the window, has the same key. So each owner of the partition gives the same answer, however often it reads a record.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

KEY_BYTES = 16
"""Of the hash that stands for a key: with a billion keys, two are the same by chance once in 10 ** 20 windows."""

SLACK_MS = 600_000
"""Keys are kept for so long after their window, since records may be read again."""


class KeyedRecord(NamedTuple):
    """What of a record decides whether another one repeats it.

    Attributes:
        offset: in its partition.
        timestamp_ms: milliseconds since 1970.
        key: the hash of its key, see `key_hash`.
    """

    offset: int
    timestamp_ms: int
    key: bytes


def key_hash(source: str, key: str) -> bytes:
    """Return what stands for the key of a source."""
    return blake2b(f"{source}\0{key}".encode(), digest_size=KEY_BYTES).digest()


class SeenKeys:
    """The keys of one partition, from a window before `end` up to it.

    Args:
        window_ms: how long a key counts, in milliseconds.

    Attributes:
        begin: the offset from which on keys are known.
        end: the offset behind the last record that is known; None if none is known.
    """

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._records: deque[KeyedRecord] = deque()
        self._latest: dict[bytes, KeyedRecord] = {}
        self.begin = 0
        self.end: int | None = None

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, record: KeyedRecord) -> bool:
        """Add the next record; returns whether it repeats an earlier one."""
        before = self._latest.get(record.key)
        repeats = before is not None and record.timestamp_ms - before.timestamp_ms <= self._window_ms
        self._records.append(record)
        self._latest[record.key] = record
        self.end = record.offset + 1
        self._forget(record.timestamp_ms - self._window_ms - SLACK_MS)
        return repeats

    def start_at(self, offset: int) -> None:
        """Begin to know keys at an offset."""
        self.begin = self.end = offset

    def skip(self, offset: int) -> None:
        """Take note that there is no record with a key up to an offset."""
        self.end = max(offset, self.end or 0)

    def rewind(self, offset: int) -> None:
        """Forget what is at an offset and behind it, since it is read again; all, if less is known than that needs."""
        if self.end is None or self.end <= offset:
            return
        if offset < self.begin:
            self._records.clear()
            self._latest.clear()
            self.begin, self.end = 0, None
            return
        kept: Iterable[KeyedRecord] = [record for record in self._records if record.offset < offset]
        self._records = deque(kept)
        self._latest = {record.key: record for record in self._records}
        self.end = offset

    def _forget(self, before_ms: float) -> None:
        while self._records[0].timestamp_ms < before_ms:
            oldest = self._records.popleft()
            if self._latest.get(oldest.key) is oldest:
                del self._latest[oldest.key]
