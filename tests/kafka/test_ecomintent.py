"""Sends every message of a public test set to the shipped bundle, with unreadable records among them."""

import os
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.data.evaluation_rows import read_labelled_rows

from tests.kafka.harness import ROOT, KafkaHarness, message
from tests.kafka.test_worker import UNREADABLE
from tests.records import headers_of, json_of

DATA = Path(os.environ.get("TRIAGE_DATA") or ROOT.parent / "shared" / "data") / "ecomintent" / "test.csv"
UNREADABLE_RECORDS = 60
ACCURACY = 0.998

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not DATA.is_file(), reason=f"{DATA.name} of ecomintent is not here: docs/evaluation.md"),
    pytest.mark.skipif(not DEFAULT_BUNDLE.is_dir(), reason="the shipped bundle is not here"),
]


async def test_every_message_of_a_test_set_is_answered_and_nearly_all_answers_are_right(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=4)
    rows = read_labelled_rows(DATA)
    records = [(f"chat-{row % 500}".encode(), message(text)) for row, text in enumerate(rows.texts)]
    unreadable = [value for value in UNREADABLE.values() if value is not None]
    expected: list[str | bytes] = list(rows.labels)
    for number, value in enumerate(islice(cycle(unreadable), UNREADABLE_RECORDS)):
        records.insert(100 * number, (f"unreadable-{number}".encode(), value))
        expected.insert(100 * number, value)
    worker = harness.start(module="triage_worker worker", max_message_bytes="150000")
    sent = dict(zip(await harness.produce(records), expected, strict=True))
    outcomes = await harness.verify_delivery([worker], sent, timeout_s=180)
    assert outcomes.counts["accepted"] + outcomes.counts["fallback"] == len(rows.texts)
    assert len(outcomes.dead_letters) == UNREADABLE_RECORDS
    for dead_letter in outcomes.dead_letters:
        headers = headers_of(dead_letter)
        assert dead_letter.value == sent[int(headers["dlq.partition"]), int(headers["dlq.offset"])]
    right: Counter[bool] = Counter()
    for topic in (harness.output, harness.fallback):
        for record in await harness.read(topic):
            event = json_of(record)
            right[event["intent"] == sent[event["source"]["partition"], event["source"]["offset"]]] += 1
    assert right[True] / right.total() >= ACCURACY, right
