"""Which records are about a customer, and how a topic's configuration is described."""

import pytest
from triage_worker.router.customer_records import (
    CustomerRecords,
    RecordKey,
    describe_compaction,
    describe_retention,
    is_compacted,
    keeps_for_ever,
    never_deletes,
)

from tests.worker.router.fakes import FakeRecord

MINE = b'{"customer_id": "c-1"}'
OTHERS = b'{"customer_id": "c-12"}'


def found(*records: FakeRecord) -> CustomerRecords:
    result = CustomerRecords("c-1")
    result.add(records)
    return result


def test_the_newest_record_of_a_key_says_whose_it_is() -> None:
    result = found(
        FakeRecord(0, b"a", OTHERS),
        FakeRecord(1, b"a", MINE),
        FakeRecord(2, b"b", MINE),
        FakeRecord(3, b"b", OTHERS),
        FakeRecord(4, b"c", MINE),
        FakeRecord(5, b"c", None),
        FakeRecord(6, None, MINE),
        FakeRecord(7, b"a", MINE, partition=2),
    )
    assert list(result.keys) == [RecordKey(0, b"a"), RecordKey(2, b"a")]
    assert result.count == 5


@pytest.mark.parametrize(
    "value",
    [None, b"", b"c-1", b'["customer_id", "c-1"]', b'{"customer_id": 1}', b'{"customer_id": "c-1"', b'{"id": "c-1"}'],
)
def test_a_record_that_does_not_name_the_customer_is_left_alone(value: bytes | None) -> None:
    assert found(FakeRecord(0, b"k", value)).keys == {}


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        (
            {"cleanup.policy": "delete", "retention.ms": "604800000"},
            "deletes records after 7 days (retention.ms=604800000)",
        ),
        ({"retention.ms": "86400000"}, "deletes records after 1 day (retention.ms=86400000)"),
        ({"retention.ms": "1500"}, "deletes records after 1500 ms (retention.ms=1500)"),
        ({"retention.ms": "-1"}, "keeps records for ever (retention.ms=-1)"),
        ({"cleanup.policy": "compact"}, "keeps the newest record of each key (cleanup.policy=compact)"),
        (
            {"cleanup.policy": "compact,delete", "retention.ms": "3600000"},
            "keeps the newest record of each key (cleanup.policy=compact,delete), and deletes records after 1 hour "
            "(retention.ms=3600000)",
        ),
        (
            {"retention.ms": "-1", "retention.bytes": "1000"},
            "keeps records for ever (retention.ms=-1), unless a partition has more than 1000 bytes (retention.bytes)",
        ),
        (None, "keeps records for a time that this user may not see (grant DescribeConfigs, see docs/security.md)"),
    ],
)
def test_what_a_topic_does_with_its_records(configs: dict[str, str] | None, expected: str) -> None:
    assert describe_retention(configs) == expected
    assert keeps_for_ever(configs) is expected.startswith("keeps records for ever")


@pytest.mark.parametrize(
    ("configs", "compacted", "stay"),
    [
        ({"cleanup.policy": "delete", "retention.ms": "-1"}, False, True),
        ({"cleanup.policy": "compact", "retention.ms": "3600000"}, True, True),
        ({"cleanup.policy": "compact,delete", "retention.ms": "3600000"}, True, False),
        ({"cleanup.policy": "compact,delete", "retention.ms": "-1"}, True, True),
        ({"cleanup.policy": "delete", "retention.ms": "3600000"}, False, False),
        (None, True, False),
    ],
)
def test_which_topics_keep_records_until_somebody_acts(
    configs: dict[str, str] | None, compacted: bool, stay: bool
) -> None:
    assert (is_compacted(configs), never_deletes(configs)) == (compacted, stay)


def test_when_a_compacted_topic_drops_records() -> None:
    """No configuration but max.compaction.lag.ms sets a limit, and a segment only ends when a record comes."""
    usual = {"cleanup.policy": "compact", "segment.ms": "604800000", "max.compaction.lag.ms": "9223372036854775807"}
    goes = "the records themselves go when the broker compacts the topic"
    assert describe_compaction(usual) == f"{goes}, for which it has no time limit (max.compaction.lag.ms is not set)"
    limited = usual | {"max.compaction.lag.ms": "3600000", "min.compaction.lag.ms": "60000"}
    assert describe_compaction(limited) == (
        f"{goes}, not before 1 minute (min.compaction.lag.ms), which is due at the first record of a partition after "
        "1 hour (max.compaction.lag.ms)"
    )
    assert describe_compaction(None) == goes


def test_tombstones_remove_nothing_from_a_topic_that_is_not_compacted() -> None:
    assert describe_compaction({"cleanup.policy": "delete", "retention.ms": "-1"}) == (
        "the records themselves stay, since the topic is not compacted: it keeps records for ever (retention.ms=-1)"
    )
