"""Connects a message processor to Kafka at both ends."""

from dataclasses import dataclass
from functools import partial

from triage_schemas.channels import Service, written_by

from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.kafka.broker_contact import SilenceDiagnosis
from triage_worker.kafka.clients import cooperative_consumer, producer, transactional_producer
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.consumer import Consumer, ConsumerConfig
from triage_worker.streaming.delivery.at_least_once import AtLeastOnce
from triage_worker.streaming.delivery.delivery import Delivery
from triage_worker.streaming.delivery.exactly_once import ExactlyOnce
from triage_worker.streaming.delivery.partition_transactions import TransactionConfig
from triage_worker.streaming.delivery.transaction_pace import TransactionPace
from triage_worker.streaming.lag import LagMonitor
from triage_worker.streaming.offset_commits import OffsetCommitter
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages

REJOIN_S = 6.0
"""How long a fenced worker waits for the group to say that another has the partition; a heartbeat's interval is enough,
unless it is finishing with other partitions meanwhile."""


@dataclass(frozen=True, slots=True)
class ServiceComponents:
    """The parts of a running service."""

    in_flight: InFlightMessages
    consumer: Consumer
    processor: MessageProcessor
    delivery: Delivery
    lag: LagMonitor
    diagnosis: SilenceDiagnosis


def connect(
    settings: Settings,
    service: Service,
    topics: TopicSelection,
    in_flight: InFlightMessages,
    processor: MessageProcessor,
    dead_letters: DeadLetters,
    metrics: Metrics,
    *,
    max_in_flight: int,
) -> ServiceComponents:
    """Put a consumer of topics before a processor, and a delivery behind it; nothing is started.

    Args:
        settings: of the service.
        service: decides the consumer group.
        topics: what to read.
        in_flight: the one that the processor completes outputs in.
        processor: answers the messages.
        dead_letters: replaces outputs that the broker refuses.
        metrics: of the service.
        max_in_flight: messages read and not yet acknowledged.
    """
    delivery = make_delivery(settings, service, in_flight, dead_letters, metrics)
    consumer = Consumer(
        partial(cooperative_consumer, settings, service),
        topics,
        in_flight,
        processor,
        delivery,
        OffsetCommitter(in_flight.offsets, interval_s=settings.commit_interval_ms / 1_000, metrics=metrics),
        ConsumerConfig(
            max_in_flight=max_in_flight,
            touch_s=settings.max_poll_interval_ms / 3_000,
            revoke_timeout_s=min(settings.drain_timeout_s, settings.session_timeout_ms / 3_000),
        ),
        metrics,
    )
    lag = LagMonitor(consumer, in_flight.offsets, metrics)
    diagnosis = SilenceDiagnosis(settings, lambda: max(lag.silent_s, delivery.waiting_s))
    return ServiceComponents(in_flight, consumer, processor, delivery, lag, diagnosis)


def make_delivery(
    settings: Settings, service: Service, in_flight: InFlightMessages, dead_letters: DeadLetters, metrics: Metrics
) -> Delivery:
    """Make the delivery that the settings ask for."""
    if settings.delivery == "at_least_once":
        return AtLeastOnce(partial(producer, settings), in_flight, dead_letters)
    config = TransactionConfig(
        producer=partial(transactional_producer, settings),
        group=settings.group(service),
        prefix=settings.transactional_id_prefix,
        topics=published_topics(settings, service),
        pace=TransactionPace(settings.commit_interval_ms / 1_000),
        rejoin_s=min(REJOIN_S, settings.session_timeout_ms / 1_500),
    )
    return ExactlyOnce(config, in_flight, dead_letters, metrics)


def published_topics(settings: Settings, service: Service) -> list[str]:
    """Return the topics that a service publishes to; those of an audit only if there is one."""
    channels = [one for one in written_by(service) if service not in one.optional or settings.audit_share > 0]
    return [getattr(settings, channel.setting) for channel in channels]
