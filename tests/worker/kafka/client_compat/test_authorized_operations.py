"""Brokers that do not tell what a user may do; what those that do tell is tested on a real one."""

from aiokafka.admin import AIOKafkaAdminClient
from triage_worker.kafka.client_compat.authorized_operations import topic_operations

from tests.worker.kafka.client_compat.scripted_broker import TOPIC, scripted_broker


async def test_an_older_broker_does_not_tell() -> None:
    async with scripted_broker() as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        try:
            assert await topic_operations(admin, [TOPIC]) is None
        finally:
            await admin.close()
