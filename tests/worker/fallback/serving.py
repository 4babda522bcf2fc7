"""The fallback without Kafka: events in, outputs out, with an LLM server and a clock that runs fast."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson
from aiokafka.structs import TopicPartition
from prometheus_client import CollectorRegistry
from triage_worker.fallback.budget import Budget, BudgetWindow, LocalBudget
from triage_worker.fallback.client import LlmClient
from triage_worker.fallback.cost import Prices
from triage_worker.fallback.examiner import KNOWN_GOOD
from triage_worker.fallback.llm import Llm
from triage_worker.fallback.llm_calls import Limits
from triage_worker.fallback.llm_decider import LlmDecider
from triage_worker.fallback.metrics import LlmMetrics
from triage_worker.resilience.tasks import wait_until
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import record
from tests.worker.fallback.events import event
from tests.worker.fallback.harness import PARTITION, FallbackHarness, fallback_harness
from tests.worker.fallback.llm_server import Handler, LlmServer, message

SPEED = 100.0
"""How many times faster than the real time the fallback's clock runs."""


async def fast_sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / SPEED)


@dataclass(frozen=True, slots=True)
class Serving:
    """A running fallback."""

    server: LlmServer
    llm: Llm
    running: FallbackHarness
    registry: CollectorRegistry

    async def send(self, texts: Sequence[str], partition: TopicPartition = PARTITION) -> None:
        """Send messages; their offsets are the numbers of the texts."""
        records = [record(partition, offset, event(text, offset).write()) for offset, text in enumerate(texts)]
        await self.running.process({partition: records})

    def calls(self) -> Counter[str]:
        """Calls by the customer's text, without those about the known-good message."""
        texts = Counter(map(message, self.server.asked))
        del texts[KNOWN_GOOD]
        return texts

    def trials(self) -> int:
        """Calls about the known-good message."""
        return Counter(map(message, self.server.asked))[KNOWN_GOOD]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    async def fault(self) -> str:
        """Wait until the endpoint is known to be at fault; return what readiness says."""
        async with asyncio.timeout(20):
            await wait_until(lambda: self.llm.fault is not None)
        assert self.running.processor.down is not None
        return self.running.processor.down

    async def outputs(self, count: int) -> list[Output]:
        """Wait for so many outputs."""
        async with asyncio.timeout(20):
            return list(await self.running.wait_for_outputs(count))


def reasons(outputs: Sequence[Output]) -> Counter[str]:
    """What became of messages: "decided", or why they went to review."""
    return Counter(
        orjson.loads(output.value or b"")["review_reason"] if output.topic == "review" else "decided"
        for output in outputs
    )


@asynccontextmanager
async def serving(
    handler: Handler, concurrency: int = 8, *, budget: Budget | None = None, key: str | None = None, **limits: Any
) -> AsyncIterator[Serving]:
    """Serve with an LLM server that answers by a handler."""
    registry = CollectorRegistry()
    metrics = LlmMetrics(registry)
    async with LlmServer(handler, key) as server, LlmClient(server.url, key) as client:
        llm = Llm(
            client,
            "m",
            Limits(**({"timeout_s": 60 * SPEED, "deadline_s": 90 * SPEED, "max_tokens": 50} | limits)),
            Prices(1.0, 2.0),
            budget or LocalBudget(BudgetWindow()),
            metrics,
            clock=lambda: monotonic() * SPEED,
            sleep=fast_sleep,
        )
        decider = LlmDecider(llm, min_confidence=0.6, ask_out_of_scope=True, metrics=metrics)
        async with fallback_harness(decider, concurrency=concurrency) as running:
            for _ in range(3):  # turns of the loop, until all workers wait: they will take the first messages at once
                await asyncio.sleep(0)
            yield Serving(server, llm, running, registry)
