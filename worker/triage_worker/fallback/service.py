"""The fallback service: builds its components and serves until it is stopped."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from triage_schemas.encoding import JSON, EventEncoding
from triage_schemas.events import FallbackEvent

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.fallback import prompt
from triage_worker.fallback.budget import Budget, BudgetWindow, LocalBudget
from triage_worker.fallback.budget_topic import open_shared_budget
from triage_worker.fallback.client import LlmClient
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Limits
from triage_worker.fallback.llm_decider import LlmDecider
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.fallback.outputs import OutputBuilder
from triage_worker.fallback.traced_endpoint import TracedEndpoint
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.event_reader import WITHOUT_REGISTRY, EventReader, opened_reader
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.observability import tracing
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming import process_end
from triage_worker.streaming.async_processor import AsyncDecisionProcessor
from triage_worker.streaming.service import run_service
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.wiring import ServiceComponents, connect

REQUIRED_SETTINGS = {"llm_url": "an OpenAI-compatible endpoint, up to /v1", "llm_model": "the model's name there"}

READ_AHEAD = 4
"""Messages in flight per concurrent call: enough to keep all calls busy, few enough to hand partitions over quickly."""


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError: the service cannot start; says what to change.
    """
    for name, meaning in REQUIRED_SETTINGS.items():
        if getattr(settings, name) is None:
            raise ConfigError(f"No LLM is configured: set {variable(name)} to {meaning}.")
    return process_end.run(run_service(settings, required_operations("fallback"), _opened))


@asynccontextmanager
async def _opened(settings: Settings, metrics: Metrics, encoding: EventEncoding) -> AsyncIterator[ServiceComponents]:
    with tracing.started("fallback", settings.group("fallback")) as traces:
        async with LlmClient.from_settings(settings) as client, opened_reader(settings, metrics.registry) as reader:
            await client.check_key()
            async with _budget(settings) as budget:
                yield assemble(settings, client, budget, metrics, traces, reader=reader, encoding=encoding)


def _budget(settings: Settings) -> AbstractAsyncContextManager[Budget]:
    window = BudgetWindow(settings.llm_calls_per_hour, settings.llm_money_per_hour)
    return open_shared_budget(settings, window) if window.limited else nullcontext(LocalBudget(window))


def assemble(
    settings: Settings,
    client: LlmClient,
    budget: Budget,
    metrics: Metrics,
    traces: Traces | None,
    *,
    reader: EventReader = WITHOUT_REGISTRY,
    encoding: EventEncoding = JSON,
) -> ServiceComponents:
    """Build the service's components; nothing is started."""
    assert settings.llm_model is not None
    metrics.model(settings.llm_model, prompt.VERSION, "remote")
    metrics.expect("review", "over_budget")
    decider = _decider(settings, client, budget, LlmMetrics(metrics.registry), traces)
    outputs = OutputBuilder.from_settings(settings, encoding)
    dead_letters = DeadLetters(DeadLetterTopic.of(settings, "fallback"))
    in_flight = InFlightMessages(metrics)
    processor = AsyncDecisionProcessor(
        FallbackEvent,
        decider,
        outputs.build,
        dead_letters,
        in_flight,
        concurrency=settings.llm_concurrency,
        traces=traces,
        reader=reader,
    )
    return connect(
        settings,
        "fallback",
        TopicSelection((settings.fallback_topic,)),
        in_flight,
        processor,
        dead_letters,
        metrics,
        max_in_flight=min(settings.max_in_flight, READ_AHEAD * settings.llm_concurrency),
    )


def _decider(
    settings: Settings, client: LlmClient, budget: Budget, metrics: LlmMetrics, traces: Traces | None
) -> LlmDecider:
    assert settings.llm_model is not None
    llm = Llm(
        client if traces is None else TracedEndpoint(client, settings.llm_model, traces),
        settings.llm_model,
        Limits(settings.llm_timeout_s, settings.llm_deadline_s, settings.llm_max_tokens),
        Prices(settings.llm_price_input, settings.llm_price_output),
        budget,
        metrics,
    )
    return LlmDecider(
        llm,
        min_confidence=settings.llm_min_confidence,
        ask_out_of_scope=settings.llm_out_of_scope,
        metrics=metrics,
        redact=settings.redaction("llm"),
    )
