"""The control topic: the newest threshold that was decided for each bundle."""

import logging
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord
from pydantic import ValidationError
from triage_schemas.events import ThresholdEvent

from triage_worker.config.settings import Settings
from triage_worker.kafka.topic_reader import read_topic

log = logging.getLogger(__name__)


def bundle_key(name: str, version: str) -> bytes:
    """Return the key of a bundle's decisions."""
    return f"{name}:{version}".encode()


class Decisions:
    """The last decision on the topic for each bundle; read from any thread.

    The last record of a key counts, not the one with the highest version: compaction keeps no other, so that a worker
    that starts later agrees with those that run. A record without a value takes a decision back. A key can have records
    in several partitions, if partitions were added or a program places keys in its own way. Partitions are read in any
    order, so the newer record counts among them, by its timestamp. An audit writes where the last record is, with a
    later timestamp, so that no clock decides.

    Args:
        earlier: what was read before, if the topic is read again: its ignored records are not logged twice.

    Attributes:
        lost: why the topic is not followed any more, so that the last threshold holds; None if it is followed, or if
            there has never been one.
    """

    def __init__(self, earlier: "Decisions | None" = None) -> None:
        self._decided: dict[bytes, ThresholdEvent] = {}
        self._applied: dict[bytes, ConsumerRecord] = {}
        self._ignored: set[tuple[int, int]] = set() if earlier is None else earlier._ignored
        self.lost: str | None = None

    def of(self, key: bytes) -> ThresholdEvent | None:
        """Return the decision for the bundle with a key (`bundle_key`); None if there is none."""
        return self._decided.get(key)

    def last_record(self, key: bytes) -> ConsumerRecord | None:
        """Return the record that counts for a key, also if it took a decision back; None if there is none."""
        return self._applied.get(key)

    def replace(self, newest: "Decisions") -> None:
        """Take over what was read from the topic's beginning."""
        self._decided, self._applied = newest._decided, newest._applied

    def update(self, records: Iterable[ConsumerRecord]) -> None:
        """Apply records of the topic, in their order; what is no decision is ignored."""
        for record in records:
            key = record.key or b""
            event = None if record.value is None else _read(record)
            if record.value is not None and (event is None or bundle_key(event.model.name, event.model.version) != key):
                self._ignore(record)
                continue
            last = self._applied.get(key)
            if last is not None and last.partition != record.partition and last.timestamp > record.timestamp:
                continue
            self._applied[key] = record
            if event is None:
                self._decided.pop(key, None)
            else:
                self._decided[key] = event

    def _ignore(self, record: ConsumerRecord) -> None:
        if (record.partition, record.offset) not in self._ignored:
            self._ignored.add((record.partition, record.offset))
            where = {"partition": record.partition, "offset": record.offset}
            log.warning("A record of the control topic is no decision, and is ignored", extra=where)


def _read(record: ConsumerRecord) -> ThresholdEvent | None:
    try:
        return ThresholdEvent.read(record.value or b"")
    except ValidationError:
        return None


async def read_decisions(consumer: AIOKafkaConsumer, settings: Settings, decisions: Decisions) -> None:
    """Read the control topic to its present end; nothing if there is no such topic.

    Raises:
        KafkaError, TriageError: it cannot be read.
    """
    async for batch in read_topic(consumer, settings.control_topic):
        decisions.update(batch)
