"""Dead letters read back: the record that each was, and which of them somebody means."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from aiokafka.structs import ConsumerRecord
from triage_schemas.cloudevents import RecordHeaders
from triage_schemas.input.message import Source

from triage_worker.streaming.tracking.dead_letters import OMITTED


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, taken apart.

    Attributes:
        source: where the record was read.
        code: why it was put aside.
        at: when.
        key, value, headers: the record's own.
        whole: whether they are; the broker may have refused to take them.
        identity: the same for every copy of it, and another for what is read at that place in a topic made again.
    """

    source: Source
    code: str
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    whole: bool
    identity: bytes

    def restored(self, record: ConsumerRecord) -> "Letter":
        """The same letter with all that its record had."""
        return replace(self, key=record.key, value=record.value, headers=list(record.headers), whole=True)


def read_letter(record: ConsumerRecord) -> Letter | None:
    """Take a record of the dead-letter topic apart; None when it is no dead letter of ours."""
    begins = max((place for place, (name, _) in enumerate(record.headers) if name == "dlq.topic"), default=None)
    if begins is None:
        return None
    ours = {name: (value or b"").decode(errors="replace") for name, value in record.headers[begins:]}
    try:
        source = Source(ours["dlq.topic"], int(ours["dlq.partition"]), int(ours["dlq.offset"]))
        code = ours["dlq.error"]
    except (KeyError, ValueError):
        return None
    headers = list(record.headers[:begins])
    return Letter(
        source,
        code,
        _moment(ours, record),
        record.key,
        record.value,
        headers,
        OMITTED not in ours,
        _identity(source, record),
    )


def _identity(source: Source, record: ConsumerRecord) -> bytes:
    content = hashlib.sha256()
    for part in (record.key, record.value):
        content.update(b"-" if part is None else b"%d:%b" % (len(part), part))
    return f"{source.topic}-{source.partition}-{source.offset}-{content.hexdigest()[:16]}".encode()


def _moment(ours: dict[str, str], record: ConsumerRecord) -> datetime:
    try:
        return datetime.fromisoformat(ours["dlq.time"])
    except (KeyError, ValueError):
        return datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is empty or None leaves nothing out.

    Attributes:
        codes: of the errors.
        topics, partitions: where they were read.
        since, until: when they were put aside, the latter excluded.
    """

    codes: Collection[str] = field(default_factory=frozenset)
    topics: Collection[str] = field(default_factory=frozenset)
    partitions: Collection[int] = field(default_factory=frozenset)
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        return (
            (not self.codes or letter.code in self.codes)
            and (not self.topics or letter.source.topic in self.topics)
            and (not self.partitions or letter.source.partition in self.partitions)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )
