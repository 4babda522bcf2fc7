"""Makes classification processors with fake models, in a harness."""

from collections.abc import Callable

from aiokafka.structs import TopicPartition
from triage_models.serving.mail.message import Message, as_written
from triage_schemas.messages.message import InputShape
from triage_schemas.records import IntentWriter
from triage_worker.classify.message_sources import MessageSource, MessageSources
from triage_worker.classify.outputs import OutputWriter
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.inference.batching import Limits
from triage_worker.inference.decision_memory import DecisionMemory
from triage_worker.inference.loaded_bundle import LoadedBundle
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.text_source import TextSource
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages

from tests.worker.fakes import FakeModel, ProcessorHarness

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


def loaded_bundle(
    model: FakeModel,
    version: str = "1",
    *,
    threads: int = 1,
    budget: int = 256,
    serves: tuple[str, ...] = ("*",),
    remembered: int = 0,
) -> LoadedBundle:
    """Make a bundle of a fake model, which publishes to "out" and "fallback"."""
    events = IntentWriter(name="m", version=version, threshold=0.5, descriptions={"WISMO": "where"}, include_text=False)
    limits = Limits(threads=threads, budget=budget)
    writer = OutputWriter(events, "out", "fallback")
    return LoadedBundle(model, writer, limits, serves=serves, memory=DecisionMemory(remembered))


def one_source(
    *, languages: MessageLanguages | None = None, read: Callable[[str], Message] = as_written
) -> MessageSources:
    """Read all topics in the same way, as JSON."""
    source = MessageSource(InputShape(), TextSource(languages or MessageLanguages(None), read))
    return MessageSources(lambda topic: source)


def classification_harness(
    *bundles: LoadedBundle,
    traces: Traces | None = None,
    languages: MessageLanguages | None = None,
    read: Callable[[str], Message] = as_written,
) -> ProcessorHarness[ClassificationProcessor]:
    """Make a harness around the processor of one or several bundles; partitions A and B are assigned."""
    in_flight = InFlightMessages(Metrics())
    processor = ClassificationProcessor(
        ServingBundles(*bundles),
        DeadLetters(DeadLetterTopic("dlq")),
        one_source(languages=languages, read=read),
        in_flight,
        metrics=Metrics(),
        traces=traces,
    )
    return ProcessorHarness(processor, in_flight, A, B)
