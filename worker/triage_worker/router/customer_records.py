"""Which records are about a customer, and what a topic's configuration does with records. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triage_schemas.input.registry.schema import UnreadableError

from triage_worker.kafka.event_reader import WITHOUT_REGISTRY, EventReader
from triage_worker.kafka.records import InputRecord

DAY_MS = 86_400_000
UNITS = ((DAY_MS, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"))


@dataclass(frozen=True, slots=True)
class RecordKey:
    """A record's partition and key: what a compacted topic keeps one record of."""

    partition: int
    key: bytes


@dataclass
class CustomerRecords:
    """Finds the records about a customer among those of one topic.

    Args:
        customer_id: whose.
        reader: reads the records.

    Attributes:
        keys: the keys whose newest record is about the customer, with its JSON.
        count: all records about the customer.
    """

    customer_id: str
    reader: EventReader = WITHOUT_REGISTRY
    keys: dict[RecordKey, dict[str, Any]] = field(default_factory=dict)
    count: int = 0

    def add(self, records: Iterable[InputRecord]) -> None:
        """Add records, whose schemas were loaded, those of a partition in order."""
        for record in records:
            found = self._about_the_customer(record)
            self.count += found is not None
            if record.key is None:
                continue
            place = RecordKey(record.partition, record.key)
            if found is None:
                self.keys.pop(place, None)  # a newer record: another customer's, or a tombstone
            else:
                self.keys[place] = found

    def _about_the_customer(self, record: InputRecord) -> dict[str, Any] | None:
        if not record.value:
            return None
        # Avoids parsing most records. Avro has no names of fields, but the id as it is.
        named = b'"customer_id"' if self.reader.frame(record) is None else self.customer_id.encode()
        if named not in record.value:
            return None
        try:
            fields = self.reader.fields(record)
        except UnreadableError:
            return None
        return fields if isinstance(fields, dict) and self.customer_id in _customers(fields) else None


def _customers(fields: Mapping[str, Any]) -> Iterable[Any]:
    """Yield whose a record is: what the helpdesk connector remembers of a ticket has it in ``about``."""
    yield fields.get("customer_id")
    about = fields.get("about")
    if isinstance(about, Mapping):
        yield about.get("customer_id")


def describe_retention(configs: Mapping[str, str] | None) -> str:
    """Describe what a topic's configuration does with its records, without a full stop."""
    if configs is None:
        return "keeps records for a time that this user may not see (grant DescribeConfigs, see docs/security.md)"
    parts = []
    policy, retention = configs.get("cleanup.policy", "delete"), configs.get("retention.ms", "-1")
    if "compact" in policy:
        parts.append(f"keeps the newest record of each key (cleanup.policy={policy})")
    if "delete" in policy and keeps_for_ever(configs):
        size = int(configs.get("retention.bytes", "-1"))
        unless = f", unless a partition has more than {size} bytes (retention.bytes)" if size >= 0 else ""
        parts.append(f"keeps records for ever (retention.ms=-1){unless}")
    elif "delete" in policy:
        parts.append(f"deletes records after {duration(int(retention))} (retention.ms={retention})")
    return ", and ".join(parts)


def keeps_for_ever(configs: Mapping[str, str] | None) -> bool:
    """Whether a topic never deletes a record by its age."""
    if configs is None:
        return False
    return "delete" in configs.get("cleanup.policy", "delete") and int(configs.get("retention.ms", "-1")) < 0


def is_compacted(configs: Mapping[str, str] | None) -> bool:
    """Whether tombstones remove records from a topic; one whose configuration is hidden is taken to be as intended."""
    return configs is None or "compact" in configs.get("cleanup.policy", "delete")


def never_deletes(configs: Mapping[str, str] | None) -> bool:
    """Whether records of a topic stay for ever, some or all, as far as its configuration can be seen."""
    return configs is not None and (keeps_for_ever(configs) or configs.get("cleanup.policy") == "compact")


def describe_compaction(configs: Mapping[str, str] | None) -> str:
    """Describe when a topic drops the records that tombstones stand for, without a full stop.

    A broker compacts whole segments, and ends a segment only when it gets a record. Only max.compaction.lag.ms sets a
    limit: without it, a segment may wait until enough of the partition is out of date (min.cleanable.dirty.ratio).
    """
    if configs is not None and not is_compacted(configs):
        return f"the records themselves stay, since the topic is not compacted: it {describe_retention(configs)}"
    goes = "the records themselves go when the broker compacts the topic"
    if configs is None:
        return goes
    least, most = (int(configs.get(name, "0") or 0) for name in ("min.compaction.lag.ms", "max.compaction.lag.ms"))
    if least > 0:
        goes += f", not before {duration(least)} (min.compaction.lag.ms)"
    if 0 < most < 10_000 * DAY_MS:
        return f"{goes}, which is due at the first record of a partition after {duration(most)} (max.compaction.lag.ms)"
    return f"{goes}, for which it has no time limit (max.compaction.lag.ms is not set)"


def duration(milliseconds: int) -> str:
    """Return a duration in the largest unit that divides it, such as "7 days"."""
    for size, unit in UNITS:
        if milliseconds >= size and milliseconds % size == 0:
            count = milliseconds // size
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{milliseconds} ms"


def counted(number: int, thing: str) -> str:
    """Return a number with its noun."""
    return f"{number} {thing}" + ("" if number == 1 else "s")
