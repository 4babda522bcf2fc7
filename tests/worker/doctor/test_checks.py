"""What else the doctor looks at."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from triage_worker.config.settings import Settings
from triage_worker.doctor.checks import Check, check_codecs, check_keys, check_times, check_topics
from triage_worker.kafka.topic_plan import ExistingTopic, plan
from triage_worker.kafka.topics import TopicSurvey

from tests.worker.doctor.payloads import AT, record, records

WRITTEN = ("customer.intents", "customer.intents.fallback", "customer.messages.dlq")
LAST = datetime.fromtimestamp(AT / 1000, UTC) + timedelta(minutes=29)


def survey(*names: str, brokers: int = 3, hidden: tuple[str, ...] = (), policy: str = "delete") -> TopicSurvey:
    topic = ExistingTopic(3, min(brokers, 3), {"cleanup.policy": policy, "max.message.bytes": "9999999"})
    return TopicSurvey(plan(Settings()), dict.fromkeys(names, topic), brokers, hidden)


def test_missing_output_topics_are_one_line_with_the_command_that_creates_them() -> None:
    (check,) = check_topics(survey("customer.messages"), Settings(), 24)
    assert check.kind == "advice"
    assert "customer.intents, customer.intents.fallback and customer.messages.dlq do not exist yet" in check.message
    assert "`triage topics create --partitions 24` (3 replicas on 3 brokers" in check.message
    (check,) = check_topics(survey("customer.messages", *WRITTEN[1:], brokers=1), Settings(), 1)
    assert "customer.intents does not exist yet: run `triage topics create --partitions 1` (1 replica on 1 broker" in (
        check.message
    )


def test_existing_topics_are_right_or_say_what_is_wrong() -> None:
    assert [check.kind for check in check_topics(survey("customer.messages", *WRITTEN), Settings(), 3)] == ["ok"]
    compacted = list(check_topics(survey("customer.messages", *WRITTEN, policy="compact"), Settings(), 3))
    assert [check.kind for check in compacted].count("error") == 4
    hidden = list(check_topics(survey("customer.messages", *WRITTEN[1:], hidden=WRITTEN[:1]), Settings(), 3))
    assert [check.kind for check in hidden] == ["advice"]
    assert hidden[0].message.startswith("customer.intents: not shown to this user")


def test_clocks_that_differ_and_topics_that_rest_are_said() -> None:
    given = records([b"x"] * 30)
    assert [check.kind for check in check_times(given, LAST + timedelta(seconds=5))] == ["ok"]
    (early,) = check_times(given, LAST - timedelta(minutes=10))
    assert early.message.startswith("9 records are from the future, by up to 10 minutes")
    (old,) = check_times(given, LAST + timedelta(days=40))
    assert old.message.startswith("the newest record is 40 days old")
    (without,) = check_times([replace(record(b"x"), timestamp=-1)], LAST)
    assert "have no times" in without.message


def test_records_without_keys_are_out_of_order_on_several_partitions_only() -> None:
    without = [record(b"x", number, key=None) for number in range(10)]
    (check,) = check_keys(without, 3)
    assert check.message.startswith("10 of 10 records have no key")
    assert list(check_keys(without, 1)) == []
    assert list(check_keys(records([b"x"]), 3)) == []


def test_codecs_are_named() -> None:
    assert list(check_codecs(Counter({"none": 4}))) == []
    (check,) = check_codecs(Counter({"none": 1, "zstd": 4, "gzip": 2}))
    assert check == Check("ok", "the records are compressed by zstd and gzip, which is installed")
