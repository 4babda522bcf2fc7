"""What `triage learn` says when there are no labels to read."""

import pytest
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker
from triage_worker.kafka import topics
from triage_worker.kafka.labels_topic import read_labels_topic


async def test_a_missing_topic_is_not_taken_for_an_empty_one() -> None:
    async with embedded_broker() as servers:
        settings = Settings.load(bootstrap_servers=servers, labels_topic="labels")
        with pytest.raises(TriageError, match=r"^The topic labels does not exist on .* by TRIAGE_LABELS_TOPIC"):
            await read_labels_topic(settings, lambda count: None)
        await topics.create(settings, partitions=1, replicas=None)
        with pytest.raises(TriageError, match=r"^There is nothing on labels: "):
            await read_labels_topic(settings, lambda count: None)
