"""Parses records of the dead-letter topic, and selects some of them."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from aiokafka.structs import ConsumerRecord
from triage_schemas.cloudevents import RecordHeaders
from triage_schemas.dead_letters import read_dead_letter
from triage_schemas.messages.message import Source

from triage_worker.kafka.dead_letters import OMITTED

LATEST_MS = 253_402_300_799_000
"""The last second that a `datetime` can hold, in milliseconds. A record may have any 64-bit number as its time."""


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """A dead letter, with the original record that it carries.

    Attributes:
        source: the topic, partition and offset that the original was read from.
        code: why it went to the dead letters.
        at: when it went there.
        key: the original's key.
        value: the original's value.
        headers: the original's headers.
        complete: whether it carries all of the original, which may have been too large for the dead-letter topic.
        identity: the same for every copy of the dead letter; differs from that of another record at the same offset,
            such as one of a topic that was deleted and created again.
    """

    source: Source
    code: str
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    complete: bool
    identity: bytes

    def restored(self, original: ConsumerRecord) -> "DeadLetterRecord":
        """Return a copy with the key, value and headers of the original record."""
        return replace(self, key=original.key, value=original.value, headers=list(original.headers), complete=True)


def parse_dead_letter(record: ConsumerRecord) -> DeadLetterRecord | None:
    """Parse a record of the dead-letter topic; None if Triage did not write it."""
    info = read_dead_letter(record.headers)
    if info is None:
        return None
    return DeadLetterRecord(
        info.source,
        info.code,
        _time(info.time, record),
        record.key,
        record.value,
        headers=list(record.headers[: info.start]),
        complete=OMITTED not in {name for name, _ in record.headers[info.start :]},
        identity=_identity(info.source, record),
    )


def _identity(source: Source, record: ConsumerRecord) -> bytes:
    content = hashlib.sha256()
    for part in (record.key, record.value):
        content.update(b"-" if part is None else b"%d:%b" % (len(part), part))
    return f"{source.topic}-{source.partition}-{source.offset}-{content.hexdigest()[:16]}".encode()


def _time(written: str | None, record: ConsumerRecord) -> datetime:
    try:
        at = datetime.fromisoformat(written or "")
    except ValueError:
        return datetime.fromtimestamp(min(max(0, record.timestamp), LATEST_MS) / 1000, UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter of dead letters. An empty collection or None selects all.

    Attributes:
        codes: why they went to the dead letters.
        topics: the topics that they were read from.
        partitions: the partitions that they were read from.
        since: the earliest time at which they went to the dead letters.
        until: the time before which they went there.
    """

    codes: Collection[str] = field(default_factory=frozenset)
    topics: Collection[str] = field(default_factory=frozenset)
    partitions: Collection[int] = field(default_factory=frozenset)
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, dead_letter: DeadLetterRecord) -> bool:
        """Whether a dead letter is selected."""
        return (
            (not self.codes or dead_letter.code in self.codes)
            and (not self.topics or dead_letter.source.topic in self.topics)
            and (not self.partitions or dead_letter.source.partition in self.partitions)
            and (self.since is None or dead_letter.at >= self.since)
            and (self.until is None or dead_letter.at < self.until)
        )
