"""What ``triage forget`` prints: nothing that stays is left unsaid, and nothing is promised that does not hold."""

from triage_worker.cli.forget import _lines
from triage_worker.config.settings import Settings
from triage_worker.router.customer_records import CustomerRecords
from triage_worker.router.forget import CompactedTopic, Found, changelog

from tests.worker.router.fakes import FakeRecord

FOR_EVER: dict[str, str] | None = {"cleanup.policy": "delete", "retention.ms": "-1"}
A_WEEK = {"cleanup.policy": "delete", "retention.ms": "604800000"}
COMPACTED = {"cleanup.policy": "compact", "segment.ms": "604800000"}


def compacted(topic: str, count: int) -> CompactedTopic:
    records = CustomerRecords("c-1")
    records.add(FakeRecord(number, f"k-{number}".encode(), b'{"customer_id": "c-1"}') for number in range(count))
    return CompactedTopic(topic, records)


def printed(found: Found, *, left: int = 0, dry_run: bool = False) -> str:
    return "\n".join(_lines(Settings(), found, "c-1", left=left, dry_run=dry_run))


def test_every_topic_that_keeps_records_for_ever_is_named_with_what_to_do() -> None:
    kept = {"customer.messages": None, "customer.intents": 0, "customer.messages.dlq": None, "customer.labels": 2}
    configs: dict[str, dict[str, str] | None] = dict.fromkeys(kept, FOR_EVER)
    configs |= {"customer.intents.review": A_WEEK, "support.tickets": COMPACTED}
    found = Found(compacted("support.tickets", 0), kept=kept, configs=configs)
    lines = printed(found)
    assert "customer.messages: keeps records for ever (retention.ms=-1); those of c-1 are not counted." in lines
    assert "customer.labels: keeps records for ever (retention.ms=-1); 2 records of c-1." in lines
    assert "Kept until you act: customer.messages, customer.messages.dlq, customer.labels. Kafka cannot" in lines
    assert "a record may stay longer by segment.ms" in lines
    assert "support.tickets: no ticket of the customer." in lines


def test_tickets_on_a_topic_that_is_not_compacted_are_said_to_stay() -> None:
    lines = printed(Found(compacted("support.tickets", 1), configs={"support.tickets": FOR_EVER}))
    assert "1 ticket, 1 tombstone written; the records themselves stay, since the topic is not compacted" in lines
    assert "Kept until you act: support.tickets." in lines
    assert "Kept until" not in printed(Found(compacted("support.tickets", 1), configs={"support.tickets": COMPACTED}))


def test_conversations_that_the_router_has_not_removed_yet_are_said_to_be_left() -> None:
    topic = changelog(Settings())
    found = Found(compacted("support.tickets", 0), compacted(topic, 3), configs={topic: COMPACTED})
    assert f"{topic}: 3 conversations, 2 tombstones written, 1 left to a router that" in printed(found, left=1)
    assert f"{topic}: 3 conversations, 3 tombstones to write; the records" in printed(found, dry_run=True)
    assert "at the latest" not in printed(found)
