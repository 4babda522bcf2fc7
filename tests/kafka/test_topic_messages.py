"""Messages for labelling that are read from a topic of a real Kafka."""

import time
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer
from triage_schemas.messages.message import CustomerMessage
from triage_worker.cli.moments import parse_moment
from triage_worker.cli.topic_messages import Period, read_messages
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

from tests.kafka.harness import KafkaHarness

pytestmark = pytest.mark.kafka


async def fill(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=2)
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap) as producer:
        for number in range(20):
            value = b'{"body": "text %d", "message_id": "m%d"}' % (number, number)
            at = 1_700_000_000_000 + 1000 * number
            await producer.send_and_wait(harness.input, value, partition=number % 2, timestamp_ms=at)
        await producer.send_and_wait(harness.input, b"{", partition=0, timestamp_ms=1_700_000_090_000)


async def test_the_last_records_and_those_since_a_time_are_decoded_by_the_settings(harness: KafkaHarness) -> None:
    await fill(harness)
    settings = Settings.load(bootstrap_servers=harness.bootstrap, text_field="body")
    found: list[CustomerMessage] = []
    counted: list[int] = []
    assert await read_messages(settings, harness.input, Period(5), found.append, counted.append) == 1
    assert sorted(message.message_id for message in found) == ["m15", "m17", "m18", "m19"]
    assert sum(counted) == 5
    found.clear()
    since = datetime.fromtimestamp(1_700_000_018, UTC)
    assert await read_messages(settings, harness.input, Period(5, since), found.append) == 1
    assert sorted(message.text for message in found) == ["text 18", "text 19"]
    found.clear()
    await read_messages(settings, harness.input, Period(100), found.append)
    assert len(found) == 20
    for first in ("0001-01-01T00:00+14:00", "1969-12-31"):
        found.clear()
        await read_messages(settings, harness.input, Period(5, parse_moment(first)), found.append)
        assert len(found) == 20, first
    with pytest.raises(TriageError, match=r"There is nothing on the topic .* since 9999-12-31"):
        await read_messages(settings, harness.input, Period(5, parse_moment("9999-12-31T23:59-23:59")), found.append)


async def test_nothing_to_read_and_a_wrong_field_say_what_to_do(harness: KafkaHarness) -> None:
    await fill(harness)
    settings = Settings.load(bootstrap_servers=harness.bootstrap)
    with pytest.raises(TriageError, match=r"None of the 21 records .* TRIAGE_TEXT_FIELD"):
        await read_messages(settings, harness.input, Period(100), print)
    with pytest.raises(TriageError, match="There is nothing on the topic nowhere"):
        await read_messages(settings, "nowhere", Period(100), print)
    later = Period(5, datetime.fromtimestamp(time.time() + 60, UTC))
    with pytest.raises(TriageError, match=r"There is nothing on the topic .* since 20"):
        await read_messages(settings, harness.input, later, print)
