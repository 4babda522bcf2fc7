"""Bundles that are promoted, refused and rolled back under a running worker, on a real Kafka with real models."""

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, Bundle
from triage_models.bundle.store import BundleStore

from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import KafkaHarness, message
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.test_service import COMMAND, TEXTS
from tests.kafka.traffic import constant_traffic
from tests.models.fake_bundles import variant
from tests.records import json_of

pytestmark = pytest.mark.kafka

PER_SECOND = 100
TIMEOUT_S = 120.0


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A, the shipped bundle, and B, a variant with labels and a threshold of its own."""
    folder = tmp_path_factory.mktemp("bundles")
    first = variant(folder / "A", "A")
    shipped = Bundle.open(first).manifest
    changes = {
        "labels": tuple(f"B_{label}" for label in shipped.labels),
        "descriptions": {f"B_{label}": text for label, text in shipped.descriptions.items()},
        "thresholds": shipped.thresholds.model_copy(update={"confidence": 0.99}),
    }
    return {"A": first, "B": variant(folder / "B", "B", **changes)}


@dataclass
class RunningWorker:
    """A worker that serves a store of bundles, and its endpoints."""

    worker: ServiceProcess
    endpoints: Endpoints

    async def wait_for_metric(self, pattern: str) -> None:
        """Wait until a line of the metrics matches a pattern."""

        async def found() -> bool:
            return re.search(pattern, await self.endpoints.metrics(), re.MULTILINE) is not None

        await eventually(found, TIMEOUT_S, self.worker.log_text)

    async def wait_for_version(self, version: str) -> None:
        """Wait until a version of the bundle decides."""
        await self.wait_for_metric(rf'^triage_model_info{{.*version="{version}"}} 1')


@asynccontextmanager
async def always_ready(endpoints: Endpoints) -> AsyncIterator[None]:
    """Fail if the worker was ever not ready within the context."""
    answers: list[tuple[int, str]] = []

    async def poll() -> None:
        while True:
            answers.append(await endpoints.get("/readyz"))
            await asyncio.sleep(0.02)

    polling = asyncio.create_task(poll())
    try:
        yield
    finally:
        polling.cancel()
    assert set(answers) == {(200, "ok\n")}


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_bundles_are_promoted_refused_and_rolled_back_under_traffic(
    harness: KafkaHarness, tmp_path: Path, bundles: dict[str, Path], delivery: str
) -> None:
    by_signal = delivery == "exactly_once"  # with the other delivery, the worker polls
    store = BundleStore(tmp_path / "store")
    store.promote(bundles["A"], why="the first")
    await harness.create_topics()
    endpoints = Endpoints()
    worker = harness.start(
        module=COMMAND,
        bundle=str(store.root),
        delivery=delivery,
        bundle_poll_s="0" if by_signal else "0.1",
        shadow_bundle=str(bundles["B"]),
        **endpoints.settings,
    )
    running = RunningWorker(worker, endpoints)

    def notify() -> None:
        if by_signal:
            worker.signal(signal.SIGHUP)

    messages = ((f"c{number % 17}".encode(), message(f"{TEXTS[number % len(TEXTS)]} {number}")) for number in count())
    async with constant_traffic(harness, messages, PER_SECOND) as traffic:
        await harness.wait_for_first_commit(TIMEOUT_S)
        async with always_ready(endpoints):
            await running.wait_for_version("A")
            await traffic.wait_for_more(50, TIMEOUT_S)
            store.promote(bundles["B"], why="better")
            notify()
            await running.wait_for_version("B")
            await traffic.wait_for_more(50, TIMEOUT_S)
            store.rollback(why="worse")
            notify()
            await running.wait_for_version("A")
            await traffic.wait_for_more(50, TIMEOUT_S)
            _install_damaged(store, bundles["B"])
            notify()
            await running.wait_for_metric(r'^triage_bundle_reloads_total{outcome="refused",role="serving"} 1')
            await traffic.wait_for_more(50, TIMEOUT_S)
            await running.wait_for_metric(r"^triage_shadow_compared_messages_total{.*} \d")
    await harness.wait_until_committed(TIMEOUT_S)
    await running.wait_for_version("A")
    outcomes = await harness.verify_delivery([worker], traffic.positions)
    assert worker.log_text().count("Partitions assigned") == 1
    assert worker.log_text().count("A new bundle is refused") == 1
    assert f"{CPU_MODEL} is not the file that the bundle was built with" in worker.log_text()
    assert set(outcomes.counts) == {"accepted", "fallback"}
    await _verify_that_each_partition_changed_over_and_back(harness, bundles)


ENGLISH = "where is my parcel, i have been waiting for two weeks"
GERMAN = "wo ist mein paket, ich warte seit zwei wochen"
UNSURE = "12345"


async def test_each_message_is_decided_by_the_bundle_of_its_language(
    harness: KafkaHarness, tmp_path: Path, bundles: dict[str, Path]
) -> None:
    """The bundle of one language is replaced under the running worker; one with other labels is refused."""
    shipped = Bundle.open(bundles["A"], verify=False).manifest
    descriptions = {label: f"auf Deutsch: {text}" for label, text in shipped.descriptions.items()}
    never = shipped.thresholds.model_copy(update={"confidence": 1.0})
    rest = variant(tmp_path / "rest", "rest", descriptions=descriptions, thresholds=never)
    english = BundleStore(tmp_path / "english")
    english.promote(bundles["A"], why="the first")
    await harness.create_topics()
    endpoints = Endpoints()
    bundle = f"en={english.root},*={rest}"
    worker = harness.start(module=COMMAND, bundle=bundle, bundle_poll_s="0.1", **endpoints.settings)
    running = RunningWorker(worker, endpoints)
    texts = [message(ENGLISH), message(GERMAN), message(UNSURE), message(UNSURE, language="en-GB")]
    sent = await harness.produce([(b"k", text) for text in texts * 10])
    await harness.wait_until_committed(TIMEOUT_S)
    await running.wait_for_metric(r'^triage_model_info{.*serves="en",version="A"} 1')
    await running.wait_for_metric(r'^triage_model_info{.*serves="\*",version="rest"} 1')
    english.promote(variant(tmp_path / "C", "C"), why="better")
    await running.wait_for_metric(r'^triage_model_info{.*serves="en",version="C"} 1')
    english.promote(bundles["B"], why="other labels")
    await running.wait_for_metric(r'^triage_bundle_reloads_total{outcome="refused",role="serving"} 1')
    sent += await harness.produce([(b"k", text) for text in texts])
    await harness.verify_delivery([worker], sent)
    assert "need the same labels" in worker.log_text()
    events = [json_of(record) for topic in (harness.output, harness.fallback) for record in await harness.read(topic)]
    decided = {(event["language"], event["model"]["version"], "text" in event) for event in events}
    assert {one[:2] for one in decided} == {
        ("en", "A"), ("en", "C"), ("en-GB", "A"), ("en-GB", "C"), ("de", "rest"), (None, "rest"),
    }  # fmt: skip
    assert ("en", "A", False) in decided, "accepted"
    own = {"rest": descriptions, "A": shipped.descriptions, "C": shipped.descriptions}
    assert all(
        event.get("labels", own[event["model"]["version"]]) == own[event["model"]["version"]] for event in events
    )


def _install_damaged(store: BundleStore, bundle: Path) -> None:
    """Put an incomplete copy of a bundle into the store and make it the current one, as if by hand."""
    damaged = store.root / "versions" / "damaged"
    shutil.copytree(bundle, damaged)
    (damaged / MANIFEST).write_text((damaged / MANIFEST).read_text().replace('"B"', '"damaged"'))
    with (damaged / CPU_MODEL).open("r+b") as model:
        model.truncate(1_000)
    new = store.root / "new"
    new.symlink_to("versions/damaged")
    new.replace(store.root / "current")


async def _verify_that_each_partition_changed_over_and_back(harness: KafkaHarness, bundles: dict[str, Path]) -> None:
    events = [json_of(record) for topic in (harness.output, harness.fallback) for record in await harness.read(topic)]
    versions: dict[int, dict[int, str]] = {}
    for event in events:
        version = event["model"]["version"]
        bundle = Bundle.open(bundles[version], verify=False)
        assert event["threshold"] == bundle.threshold
        assert {event["intent"], *event["scores"], *event.get("labels", ())} <= set(bundle.labels)
        versions.setdefault(event["source"]["partition"], {})[event["source"]["offset"]] = version
    for by_offset in versions.values():
        in_order = "".join(by_offset[offset] for offset in sorted(by_offset))
        assert re.fullmatch("A+B+A+", in_order), in_order
