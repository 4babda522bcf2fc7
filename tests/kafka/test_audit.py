"""The audit on a real Kafka: requests of the worker, also of one that is killed."""

import pytest
from triage_models.audit.selection import AuditPolicy

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, conversations
from tests.records import headers_of, json_of

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_the_selected_messages_are_published_and_asked_about_also_by_a_worker_that_is_killed(
    harness: KafkaHarness, delivery: str, share: float
) -> None:
    review = f"review-{harness.group}"
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [review], partitions=3)
    sent = await harness.produce(conversations(2_000))
    settings = {"delivery": delivery, "audit_share": str(share), "review_topic": review}
    killed = await harness.join(FAKE_DELAY_S="0.1", **settings)
    await harness.wait_for_first_commit()
    killed.kill()
    async with harness.committed_messages() as committed:
        assert 0 < await committed() < len(sent)
    worker = harness.start(**settings)
    outcomes = await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")
    intents = [json_of(record) for record in await harness.read(harness.output)]
    requests = await harness.read(review)
    policy = AuditPolicy(share)
    selected = {value["message_id"] for value in intents if policy.select(value["message_id"], 0.9).selected}
    asked = [json_of(record) for record in requests]
    assert {value["message_id"] for value in asked} == selected
    assert 0.8 * share < len(selected) / outcomes.counts["accepted"] <= 1.2 * share
    assert len({headers_of(record)["ce_id"] for record in requests}) == len(selected)
    if delivery == "exactly_once":
        assert len(requests) == len(selected)
        assert outcomes.counts["accepted"] + outcomes.counts["fallback"] == len(sent)
    for value in asked:
        assert (value["audit"], value["audit_probability"], value["threshold_version"]) == (True, share, 0)
        assert value["text"].startswith("message ")
        assert "reason" not in value
    assert all("text" not in value for value in intents)


async def test_a_worker_that_audits_does_not_start_without_a_place_to_ask(harness: KafkaHarness) -> None:
    await harness.create_topics()
    worker = harness.start(audit_share="0.1", review_topic=f"missing-{harness.group}")
    assert await worker.exit_code() == 2
    assert "TRIAGE_REVIEW_TOPIC" in worker.log_text()
