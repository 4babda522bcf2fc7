"""A service waits for a right to read that is revoked, and names it, whichever request finds that it is missing."""

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.kafka.clients import group_consumer
from triage_worker.streaming import consumer as consumer_module

from tests.worker.kafka.client_compat.hidden_topic import ANSWERS, grant, revoke
from tests.worker.kafka.client_compat.scripted_broker import TOPIC, all_assigned, scripted_broker
from tests.worker.streaming.consumer_harness import ConsumerHarness, running

RIGHT = f"the broker refuses this user Read on the topic {TOPIC}: grant it, see docs/security.md"


@pytest.mark.parametrize("found_by", ANSWERS)
async def test_the_right_is_named_until_it_is_granted(found_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "HEALTHY_AFTER_S", 0.2)
    async with scripted_broker(SyncGroupRequest=all_assigned) as broker:
        settings = Settings(bootstrap_servers=broker.address)
        made = []

        def client() -> AIOKafkaConsumer:
            made.append(group_consumer(settings, "worker", metadata_max_age_ms=50))
            return made[-1]

        harness = ConsumerHarness(client=client, topics=TopicSelection((TOPIC,)))
        consumer = harness.consumer
        async with running(harness) as task:
            await harness.wait_for(lambda: consumer.assigned and bool(broker.asked("FetchRequest")))
            revoke(broker, found_by)
            if found_by != "MetadataRequest":  # it is only sent after an assignment
                await consumer.on_partitions_revoked([TopicPartition(TOPIC, 0)])
                assert consumer.client is not None
                consumer.client._coordinator.request_rejoin()
            await harness.wait_for(lambda: consumer.problem is not None)
            sessions = len(made)

            def tried_again() -> bool:
                assert consumer.problem == RIGHT
                assert not task.done()
                return len(made) > sessions + 1

            await harness.wait_for(tried_again)
            grant(broker)
            await harness.wait_for(lambda: consumer.problem is None and consumer.assigned)
