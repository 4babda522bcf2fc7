"""Bundles promoted, refused and rolled back under a running worker, on a real Kafka and with real models."""

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, Bundle
from triage_models.bundle.store import BundleStore

from tests.kafka import broker
from tests.kafka.harness import Bench, message
from tests.kafka.processes import Worker, eventually
from tests.kafka.test_service import COMMAND, get
from tests.models.fake_bundles import variant
from tests.records import json_of

pytestmark = pytest.mark.kafka

TEXTS = ["where is my parcel", "i want my money back", "the lamp came broken", "hello", "cancel my order please"]
PER_SECOND = 100
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The shipped bundle as A; as B, with labels and a threshold of its own."""
    folder = tmp_path_factory.mktemp("bundles")
    first = variant(folder / "A", "A")
    shipped = Bundle.open(first).manifest
    own = {
        "labels": tuple(f"B_{label}" for label in shipped.labels),
        "descriptions": {f"B_{label}": text for label, text in shipped.descriptions.items()},
        "thresholds": shipped.thresholds.model_copy(update={"confidence": 0.99}),
    }
    return {"A": first, "B": variant(folder / "B", "B", **own)}


@dataclass
class Running:
    """A worker that serves a store, and what its endpoints say."""

    worker: Worker
    port: int

    async def metrics(self) -> str:
        return (await get(self.port, "/metrics"))[1]

    async def shows(self, pattern: str) -> None:
        """Wait for a line of the metrics."""

        async def found() -> bool:
            return re.search(pattern, await self.metrics(), re.MULTILINE) is not None

        await eventually(found, PATIENCE_S, self.worker.said)

    async def serves(self, version: str) -> None:
        await self.shows(rf'^triage_model_info{{.*version="{version}"}} 1')


@asynccontextmanager
async def traffic(bench: Bench, sent: list[tuple[int, int]]) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Messages all the time; the value waits for so many more of them. Where they went is in ``sent`` afterwards."""
    futures: list[asyncio.Future[RecordMetadata]] = []

    async def send(producer: AIOKafkaProducer) -> None:
        while True:
            number = len(futures)
            key, value = f"c{number % 17}".encode(), message(f"{TEXTS[number % len(TEXTS)]} {number}")
            futures.append(await producer.send(bench.input, value=value, key=key))
            await asyncio.sleep(1 / PER_SECOND)

    async def more(count: int) -> None:
        wanted = len(futures) + count

        async def enough() -> bool:
            return len(futures) >= wanted

        await eventually(enough, PATIENCE_S)

    async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap, acks="all") as producer:
        sending = asyncio.create_task(send(producer))
        try:
            yield more
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        sent += [(done.partition, done.offset) for done in await asyncio.gather(*futures)]


@asynccontextmanager
async def always_ready(port: int) -> AsyncIterator[None]:
    """Fails where the worker was not ready at any time meanwhile."""
    told: list[tuple[int, str]] = []

    async def ask() -> None:
        while True:
            told.append(await get(port, "/readyz"))
            await asyncio.sleep(0.02)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
    assert set(told) == {(200, "ok\n")}


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_promoted_refused_and_rolled_back_under_traffic(
    bench: Bench, tmp_path: Path, bundles: dict[str, Path], delivery: str
) -> None:
    by_signal = delivery == "exactly_once"  # and by looking from time to time with the other
    store = BundleStore(tmp_path / "store")
    store.promote(bundles["A"], why="the first")
    await bench.create_topics()
    (port,) = broker.free_ports(1)
    worker = bench.worker(
        module=COMMAND,
        bundle=str(store.root),
        delivery=delivery,
        bundle_poll_s="0" if by_signal else "0.1",
        shadow_bundle=str(bundles["B"]),
        http_host="127.0.0.1",
        http_port=str(port),
    )
    running = Running(worker, port)

    def changed() -> None:
        if by_signal:
            worker.signal(signal.SIGHUP)

    sent: list[tuple[int, int]] = []
    async with traffic(bench, sent) as more:
        await bench.committed_something(PATIENCE_S)
        async with always_ready(port):
            await running.serves("A")
            await more(50)
            store.promote(bundles["B"], why="better")
            changed()
            await running.serves("B")
            await more(50)
            store.rollback(why="worse")
            changed()
            await running.serves("A")
            await more(50)
            _put_broken(store, bundles["B"])
            changed()
            await running.shows(r'^triage_bundle_reloads_total{outcome="refused",role="serving"} 1')
            await more(50)
            await running.shows(r"^triage_shadow_compared_messages_total{.*} \d")
    await bench.answered(PATIENCE_S)
    await running.serves("A")
    assert await worker.terminate() == 0, worker.said()
    assert worker.said().count("Partitions assigned") == 1
    assert worker.said().count("A new bundle is refused") == 1
    assert f"{CPU_MODEL} is not the file that the bundle was made with" in worker.said()
    account = await bench.account()
    assert account.lost(sent) == account.doubled() == []
    assert account.out_of_order() == []
    assert set(account.counts) == {"accepted", "fallback"}
    await _each_partition_went_over_and_back(bench, bundles)


def _put_broken(store: BundleStore, bundle: Path) -> None:
    """A bundle that somebody copied into the store by hand, in part."""
    broken = store.root / "versions" / "broken"
    shutil.copytree(bundle, broken)
    (broken / MANIFEST).write_text((broken / MANIFEST).read_text().replace('"B"', '"broken"'))
    with (broken / CPU_MODEL).open("r+b") as model:
        model.truncate(1_000)
    new = store.root / "new"
    new.symlink_to("versions/broken")
    new.replace(store.root / "current")


async def _each_partition_went_over_and_back(bench: Bench, bundles: dict[str, Path]) -> None:
    events = [json_of(record) for topic in (bench.output, bench.fallback) for record in await bench.read(topic)]
    by_place: dict[int, dict[int, str]] = {}
    for event in events:
        version = event["model"]["version"]
        described = Bundle.open(bundles[version], verify=False)
        assert event["threshold"] == described.threshold
        assert {event["intent"], *event["scores"], *event.get("labels", ())} <= set(described.labels)
        by_place.setdefault(event["source"]["partition"], {})[event["source"]["offset"]] = version
    for places in by_place.values():
        in_order = "".join(places[offset] for offset in sorted(places))
        assert re.fullmatch("A+B+A+", in_order), in_order
