"""The main job, whole: every message of a public test set through the shipped bundle, with bad records among them."""

import os
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.data.evaluation_rows import read_labelled_rows

from tests.kafka.harness import ROOT, Bench, message
from tests.kafka.test_worker import BAD
from tests.records import headers_of, json_of

DATA = Path(os.environ.get("TRIAGE_DATA") or ROOT.parent / "shared" / "data") / "ecomintent" / "test.csv"
BAD_RECORDS = 60
ACCURACY = 0.998

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not DATA.is_file(), reason=f"{DATA.name} of ecomintent is not here: docs/evaluation.md"),
    pytest.mark.skipif(not DEFAULT_BUNDLE.is_dir(), reason="the shipped bundle is not here"),
]


async def test_a_whole_test_set_with_sixty_bad_records_is_accounted_for_and_rightly_answered(bench: Bench) -> None:
    await bench.create_topics(partitions=4)
    rows = read_labelled_rows(DATA)
    records = [(f"chat-{row % 500}".encode(), message(text)) for row, text in enumerate(rows.texts)]
    bad = [value for value in BAD.values() if value is not None]
    expected: list[str | bytes] = list(rows.labels)
    for number, value in enumerate(islice(cycle(bad), BAD_RECORDS)):
        records.insert(100 * number, (f"bad-{number}".encode(), value))
        expected.insert(100 * number, value)
    worker = bench.worker(module="triage_worker worker", max_message_bytes="150000")
    places = await bench.produce(records)
    sent = dict(zip(places, expected, strict=True))
    await bench.answered(timeout_s=180)
    assert await worker.terminate() == 0, worker.said()

    account = await bench.account()
    assert account.lost(places) == account.doubled() == []
    assert account.out_of_order() == []
    assert account.counts["accepted"] + account.counts["fallback"] == len(rows.texts)
    assert len(account.dead_letters) == BAD_RECORDS
    for letter in account.dead_letters:
        headers = headers_of(letter)
        assert letter.value == sent[int(headers["dlq.partition"]), int(headers["dlq.offset"])]
    right: Counter[bool] = Counter()
    for topic in (bench.output, bench.fallback):
        for record in await bench.read(topic):
            event = json_of(record)
            right[event["intent"] == sent[event["source"]["partition"], event["source"]["offset"]]] += 1
    assert right[True] / right.total() >= ACCURACY, right
