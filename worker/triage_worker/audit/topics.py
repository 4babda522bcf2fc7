"""Reads what an audit stands on: the requests, people's answers, and the decisions so far. Without a consumer group."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition
from pydantic import ValidationError
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import Manifest
from triage_schemas.events import ReviewEvent, ThresholdEvent

from triage_worker.audit.answers import Answer
from triage_worker.audit.evidence import Evidence
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat.metadata import partitions
from triage_worker.kafka.control_topic import Decisions, bundle_key, read_decisions
from triage_worker.kafka.event_reader import EventReader, opened_reader
from triage_worker.kafka.labels_topic import read_label
from triage_worker.kafka.record_order import Placed, in_order
from triage_worker.kafka.topic_reader import open_reader, read_topic

POLL_MS = 500


class AuditTopics:
    """The three topics, each read by a consumer of its own.

    Args:
        settings: the names of the topics.
        reader: reads the events on the first two.
        requests: reads the review topic.
        answers: reads the labels topic.
        control: reads the control topic.
    """

    def __init__(
        self,
        settings: Settings,
        reader: EventReader,
        requests: AIOKafkaConsumer,
        answers: AIOKafkaConsumer,
        control: AIOKafkaConsumer,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._requests = requests
        self._answers = answers
        self._control = control
        self.decisions = Decisions()

    async def read_all(self, manifest: Manifest, *, advise_only: bool) -> Evidence:
        """Read everything that is there now. What follows for the threshold is not applied: the caller adds answers.

        Returns:
            The evidence without the answers; `answers_now` returns those.
        """
        await read_decisions(self._control, self._settings, self.decisions)
        places = await partitions(self._answers, self._settings.labels_topic)
        ends = await self._answers.end_offsets(places) if places else {}
        evidence = Evidence(manifest, self.decided(manifest), advise_only=advise_only, ends=ends)
        requests: list[Placed[ReviewEvent]] = []
        async for batch in read_topic(self._requests, self._settings.review_topic):
            requests += await self._requests_in(batch)
        evidence.add_requests([one.event for one in in_order(requests)])
        return evidence

    def decided(self, manifest: Manifest) -> ThresholdEvent | None:
        """Return the last decision for a bundle, as far as the control topic was read."""
        return self.decisions.of(bundle_key(manifest.name, manifest.version))

    async def read_decisions_again(self) -> None:
        """Read the control topic again; what is no longer on it, or was written while this was away, changes then.

        If it has been deleted, the last decisions hold, as for workers.
        """
        if await partitions(self._control, self._settings.control_topic):
            newest = Decisions()
            await read_decisions(self._control, self._settings, newest)
            self.decisions.replace(newest)

    def last_record(self, manifest: Manifest) -> ConsumerRecord | None:
        """Return the control topic's last record about a bundle, as far as it was read."""
        return self.decisions.last_record(bundle_key(manifest.name, manifest.version))

    async def answers_now(self) -> list[Answer]:
        """Read all answers that are there now, in their order."""
        answers: list[Answer] = []
        async for batch in read_topic(self._answers, self._settings.labels_topic):
            answers += await self._answers_in(batch)
        return in_order(answers)

    async def next(self) -> tuple[list[ReviewEvent], list[Answer]]:
        """Wait up to a second for further requests and answers, and apply the decisions that were made until then."""
        requests = await self._requests_in(await _poll(self._requests, POLL_MS))
        answers = await self._answers_in(await _poll(self._answers, POLL_MS))
        if self._control.assignment():
            self.decisions.update(await _poll(self._control, 0))
        return [one.event for one in in_order(requests)], in_order(answers)

    async def grown(self) -> bool:
        """Whether a topic has partitions that are not read."""
        for consumer, topic in (
            (self._requests, self._settings.review_topic),
            (self._answers, self._settings.labels_topic),
            (self._control, self._settings.control_topic),
        ):
            if set(await partitions(consumer, topic)) - consumer.assignment():
                return True
        return False

    async def _requests_in(self, records: Sequence[ConsumerRecord]) -> list[Placed[ReviewEvent]]:
        """Return the audit's requests among records of the review topic."""
        await self._reader.load(records)
        requests = []
        for record in records:
            try:
                event = self._reader.read(ReviewEvent, record)
            except ValidationError:
                continue
            if event.audit:
                place = TopicPartition(record.topic, record.partition)
                requests.append(Placed(event, place, record.offset, event.classified_at))
        return requests

    async def _answers_in(self, records: Sequence[ConsumerRecord]) -> list[Answer]:
        """Return the answers of an audit among records of the labels topic."""
        await self._reader.load(records)
        labels = [read_label(record, self._reader) for record in records]
        return [label for label in labels if label is not None and label.event.audited is not None]


@asynccontextmanager
async def open_topics(settings: Settings) -> AsyncIterator[AuditTopics]:
    """Open the consumers."""
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(opened_reader(settings, strict=True))
        consumers = [await stack.enter_async_context(open_reader(settings)) for _ in range(3)]
        yield AuditTopics(settings, reader, *consumers)


def audited_manifest(settings: Settings) -> Manifest:
    """Return the manifest of the bundle whose decisions are audited: the one that workers serve now.

    Raises:
        BundleError: it cannot be read.
        ConfigError: several serve, one for each language.
    """
    return Bundle.open(settings.bundle.only, verify=False).manifest


async def _poll(consumer: AIOKafkaConsumer, timeout_ms: int) -> list[ConsumerRecord]:
    fetched = await consumer.getmany(timeout_ms=timeout_ms)
    return [record for records in fetched.values() for record in records]
