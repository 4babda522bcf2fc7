"""An installation to rehearse on: brokers, topics, services as pods, traffic, and Prometheus."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from tests.game_day.accounts import Accounts, accounts
from tests.game_day.monitoring import monitoring
from tests.game_day.pods import LOCAL, MetricsServer, Pod, Pods
from tests.kafka import admin
from tests.kafka.all_services import AllServices, all_services
from tests.kafka.broker import Broker
from tests.kafka.harness import KafkaHarness, Message, message
from tests.kafka.processes import ServiceProcess
from tests.kafka.traffic import constant_traffic

PARTITIONS = 6
PER_SECOND = 4.0
SESSION_MS = "45000"
"""Triage's default session time-out."""

OTHER_TOPICS = {"control_topic": "customer.intents.control", "acts_topic": "support.acts"}
TEXTS = (
    "where is my parcel, it should be here by now",
    "I want my money back",
    "the lamp came in pieces",
    "card works now, thanks anyway",
    "leasing possible through my employer?",
)
"""Texts that the shipped model and the fake one accept, and others that they are unsure of."""

UNREADABLE = 400
"""Every so many messages one is not JSON: fewer than an alert about dead letters needs."""


def traffic_messages() -> Iterator[Message]:
    """Make messages of 53 conversations without an end."""
    for number in itertools.count():
        key = f"chat-{number % 53}"
        if number % UNREADABLE == UNREADABLE - 1:
            yield key.encode(), b"{"
        else:
            yield key.encode(), message(f"{TEXTS[number % len(TEXTS)]} {number}", conversation_id=key)


@dataclass
class Installation:
    """What a scenario breaks, looks at and repairs.

    Attributes:
        folder: for all files.
        brokers: of the cluster.
        harness: its topics, by a listener that no fault closes.
        services: settings of the services.
        pods: the services.
        session: a client of Prometheus's API.
    """

    folder: Path
    brokers: Sequence[Broker]
    harness: KafkaHarness
    services: AllServices
    pods: Pods
    session: ClientSession

    async def account(self) -> Accounts:
        """Account for all messages so far."""
        topics = self.services.topics
        return await accounts(self.harness, topics["review_topic"], topics["tickets_topic"])


PodPlan = tuple[str, str, str, Mapping[str, str]]
"""Name, service, address and own settings of a pod."""

Prefix = Callable[[str], Sequence[str]]
"""By the address that a pod listens on, the command that runs its process where that address is."""


class Harness(KafkaHarness):
    """A harness that can start a service by another command, such as one that changes the network namespace."""

    prefix: Sequence[str] = ()

    def arguments(self, module: str, variables: Sequence[str]) -> list[str]:
        """Return the command that starts a service."""
        return [*self.prefix, *super().arguments(module, variables)]

    @contextmanager
    def prefixed(self, prefix: Sequence[str]) -> Iterator[None]:
        """Start services by this command within the context."""
        self.prefix = prefix
        try:
            yield
        finally:
            self.prefix = ()


@dataclass(frozen=True)
class Plan:
    """What an installation consists of.

    Attributes:
        pods: name, service, address and own settings of each pod.
        everywhere: settings of all pods.
        prefix: see `Prefix`.
    """

    pods: Sequence[PodPlan]
    everywhere: Mapping[str, str]
    prefix: Prefix = lambda host: ()


FAKE_WORKER = {"module": "tests.kafka.fake_worker"}
USUAL_PODS: Sequence[PodPlan] = (
    ("worker-1", "worker", LOCAL, FAKE_WORKER),
    ("worker-2", "worker", LOCAL, FAKE_WORKER),
    ("router-1", "router", LOCAL, {}),
    ("fallback-1", "fallback", LOCAL, {}),
)


@asynccontextmanager
async def installation(folder: Path, brokers: Sequence[Broker], plan: Plan) -> AsyncIterator[Installation]:
    """Run an installation with traffic within the context; all its pods are ready when it begins.

    Args:
        folder: for files.
        brokers: that run.
        plan: what to start on them.
    """
    bootstrap = ",".join(broker.bootstrap for broker in brokers)
    async with AsyncExitStack() as stack:
        harness = stack.enter_context(Harness(bootstrap, folder))
        services = await stack.enter_async_context(all_services(harness))
        await services.create_topics(PARTITIONS, len(brokers))
        await admin.create_topics(bootstrap, OTHER_TOPICS.values(), PARTITIONS, len(brokers))

        def start(pod: Pod) -> ServiceProcess:
            own = {"http_host": pod.host, "http_port": str(pod.port), "session_timeout_ms": SESSION_MS}
            delivery = {"delivery": "exactly_once"} if pod.service in ("worker", "fallback") else {}
            with harness.prefixed(plan.prefix(pod.host)):
                return services.start(pod.service, **{**own, **delivery, **plan.everywhere, **pod.settings})

        pods = Pods(start)
        for name, service, host, settings in plan.pods:
            pods.add(name, service, host, **settings)
        watching = asyncio.create_task(pods.run())
        stack.callback(watching.cancel)
        await pods.until_ready()
        port = await stack.enter_async_context(MetricsServer(pods.metrics))
        session = await stack.enter_async_context(monitoring(folder / "prometheus", pods.all, port))
        yield Installation(folder, brokers, harness, services, pods, session)


@asynccontextmanager
async def traffic(site: Installation) -> AsyncIterator[None]:
    """Send messages within the context."""
    async with constant_traffic(site.harness, traffic_messages(), PER_SECOND, failures_allowed=True):
        yield
