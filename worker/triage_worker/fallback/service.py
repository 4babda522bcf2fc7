"""The fallback as a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from triage_schemas.events import FallbackEvent, ModelRef

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings, variable
from triage_worker.fallback import prompt
from triage_worker.fallback.adviser import Adviser
from triage_worker.fallback.budget import Budget, OwnBudget, Window
from triage_worker.fallback.client import Client
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.llm import Limits, Llm
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.fallback.outputs import Writer
from triage_worker.fallback.spans import TracedEndpoint
from triage_worker.fallback.spending import shared_budget
from triage_worker.observability import tracing
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces
from triage_worker.streaming.async_processor import Consulting
from triage_worker.streaming.service import serve
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.wiring import Parts, connect

TOPICS = {
    "fallback_topic": "Read",
    **dict.fromkeys(("output_topic", "review_topic", "labels_topic", "dead_letter_topic"), "Write"),
}

NEEDED = {"llm_url": "an OpenAI-compatible endpoint, up to /v1", "llm_model": "the model's name there"}

AHEAD = 4
"""Messages read for each that is asked about: enough to keep all calls busy, few enough to hand over quickly."""


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError: the fallback cannot start; says what to change.
    """
    for name, what in NEEDED.items():
        if getattr(settings, name) is None:
            raise ConfigError(f"The fallback does not know which LLM to ask: set {variable(name)} to {what}.")
    return asyncio.run(serve(settings, TOPICS, _opened))


@asynccontextmanager
async def _opened(settings: Settings, metrics: Metrics) -> AsyncIterator[Parts]:
    assert settings.llm_url is not None
    key = settings.llm_api_key
    with tracing.started("fallback", settings.group("fallback")) as traces:
        async with Client(settings.llm_url, key.get_secret_value() if key else None) as client:
            await client.check()
            async with _budget(settings) as budget:
                yield assemble(settings, client, budget, metrics, traces)


def _budget(settings: Settings) -> AbstractAsyncContextManager[Budget]:
    window = Window(settings.llm_calls_per_hour, settings.llm_money_per_hour)
    return shared_budget(settings, window) if window.limited else nullcontext(OwnBudget(window))


def assemble(settings: Settings, client: Client, budget: Budget, metrics: Metrics, traces: Traces | None) -> Parts:
    """Put a fallback together; nothing is started."""
    assert settings.llm_model is not None
    metrics.model(settings.llm_model, prompt.VERSION, "remote")
    metrics.expect("review", "over_budget")
    llm_metrics = LlmMetrics(metrics.registry)
    llm = Llm(
        client if traces is None else TracedEndpoint(client, settings.llm_model, traces),
        settings.llm_model,
        Limits(settings.llm_timeout_s, settings.llm_deadline_s, settings.llm_max_tokens),
        Prices(settings.llm_price_input, settings.llm_price_output),
        budget,
        llm_metrics,
    )
    adviser = Adviser(
        llm,
        min_confidence=settings.llm_min_confidence,
        ask_out_of_scope=settings.llm_out_of_scope,
        metrics=llm_metrics,
    )
    writer = Writer(
        model=ModelRef(name=settings.llm_model, version=f"prompt-{prompt.VERSION}"),
        output_topic=settings.output_topic,
        review_topic=settings.review_topic,
        labels_topic=settings.labels_topic,
        min_confidence=settings.llm_min_confidence,
        include_text=settings.include_text,
    )
    dead_letters = DeadLetters(settings.dead_letter_topic)
    station = Consulting(
        FallbackEvent,
        adviser,
        writer.output,
        dead_letters,
        lambda outputs: parts.delivery.publish(outputs),  # noqa: PLW0108 (made below, from the station)
        concurrency=settings.llm_concurrency,
        metrics=metrics,
        traces=traces,
    )
    parts = connect(
        settings,
        "fallback",
        settings.fallback_topic,
        station,
        dead_letters,
        metrics,
        max_in_flight=min(settings.max_in_flight, AHEAD * settings.llm_concurrency),
    )
    return parts
