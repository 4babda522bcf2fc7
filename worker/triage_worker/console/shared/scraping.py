"""Asks the services for their metrics, every few seconds, where they are configured."""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

log = logging.getLogger(__name__)

EVERY_S = 5.0
TIMEOUT_S = 3.0
KEPT = 61
"""Looks that are kept: rates and latencies are those of the last five minutes."""

LARGEST = 4 * 1024 * 1024
SampleKey = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class ServiceMetrics:
    """The metrics of one service at one time.

    Attributes:
        url: where they are.
        samples: the value of each name and labels.
        problem: why there are none; None if there are.
    """

    url: str
    samples: Mapping[SampleKey, float] = field(default_factory=dict)
    problem: str | None = None

    def values(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """Return the samples of a name that have these labels, with all of theirs."""
        wanted = set(labels.items())
        return [(dict(own), value) for (found, own), value in self.samples.items() if found == name and wanted <= own]

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of these samples; None if there are none."""
        found = [value for _, value in self.values(name, **labels)]
        return sum(found) if found else None

    @property
    def is_worker(self) -> bool:
        """Whether it is a worker: it shows a bundle, and the fallback shows the LLM's calls besides."""
        fallback = self.total("triage_llm_calls_total") is not None
        return bool(self.values("triage_model_info")) and not fallback


@dataclass(frozen=True)
class Look:
    """The metrics of all services at one time, in seconds since the epoch."""

    at: float
    services: Sequence[ServiceMetrics]


class Scraper:
    """Keeps the metrics of the last five minutes.

    Args:
        urls: of the services.
        clock: seconds since the epoch.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time) -> None:
        self.urls = tuple(urls)
        self._clock = clock
        self.looks: deque[Look] = deque(maxlen=KEPT)

    async def run(self) -> None:
        """Ask until cancelled."""
        if not self.urls:
            await asyncio.Event().wait()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                targets = [target for url in self.urls for target in await addresses(url)]
                services = await asyncio.gather(*(_ask(session, url, address) for url, address in targets))
                self.looks.append(Look(self._clock(), services))
                await asyncio.sleep(EVERY_S)

    @property
    def last(self) -> Look | None:
        """The last look; None if there was none."""
        return self.looks[-1] if self.looks else None


async def addresses(url: str) -> list[tuple[str, str]]:
    """Return a name and an address to ask for each process behind a URL.

    A name can have several addresses: those of a headless Service, or of a service's containers in Compose. Over https
    only the name itself is asked, since certificates are for names.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        return [(url, url)]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, parts.port or 80, type=socket.SOCK_STREAM, family=socket.AF_INET
        )
    except OSError:
        return [(url, url)]  # asking says what is wrong
    hosts = sorted({str(place[0]) for *_, place in found})
    if len(hosts) < 2:
        return [(url, url)]
    return [(f"{url} ({host})", urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 80}"))) for host in hosts]


async def _ask(session: aiohttp.ClientSession, url: str, address: str) -> ServiceMetrics:
    try:
        async with session.get(address) as answer:
            if answer.status != 200:
                return ServiceMetrics(url, problem=f"answers {answer.status}")
            body = await answer.content.read(LARGEST)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return ServiceMetrics(url, problem=f"does not answer ({type(error).__name__})")
    try:
        return ServiceMetrics(url, await asyncio.to_thread(parse, body.decode("utf-8", "replace")))
    except ValueError:
        return ServiceMetrics(url, problem="answers with something that is no metrics")


def parse(text: str) -> dict[SampleKey, float]:
    """Return the samples of Triage's metrics in Prometheus' text format.

    Raises:
        ValueError: it is none.
    """
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("triage_")
        for sample in family.samples
    }
