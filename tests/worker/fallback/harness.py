"""Makes the fallback's processor with any decider, in a harness."""

from dataclasses import replace

from aiokafka.structs import TopicPartition
from triage_schemas.events import FallbackEvent
from triage_worker.config.settings import Settings
from triage_worker.fallback.llm_decider import Decided, Undecided
from triage_worker.fallback.outputs import OutputBuilder
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.async_processor import AsyncDecisionProcessor, Decider
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages

from tests.worker.fakes import ProcessorHarness

PARTITION = TopicPartition("customer.intents.fallback", 0)
SETTINGS = Settings(
    llm_model="llm",
    output_topic="out",
    review_topic="review",
    labels_topic="labels",
    llm_min_confidence=0.6,
    include_text=False,
)
OUTPUTS = replace(OutputBuilder.from_settings(SETTINGS), clock=lambda: 1e9)

Decision = Decided | Undecided
FallbackHarness = ProcessorHarness[AsyncDecisionProcessor[FallbackEvent, Decision]]


def fallback_harness(
    decider: Decider[FallbackEvent, Decision],
    *,
    concurrency: int = 4,
    partition: TopicPartition = PARTITION,
    traces: Traces | None = None,
) -> FallbackHarness:
    """Make a harness around the fallback's processor; the partition is assigned."""
    in_flight = InFlightMessages(Metrics())
    processor = AsyncDecisionProcessor(
        FallbackEvent,
        decider,
        OUTPUTS.build,
        DeadLetters(DeadLetterTopic("dlq")),
        in_flight,
        concurrency=concurrency,
        traces=traces,
    )
    return ProcessorHarness(processor, in_flight, partition)
