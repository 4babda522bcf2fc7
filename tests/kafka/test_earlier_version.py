"""The code of an earlier commit next to this one, on one Kafka: an upgrade and a roll-back (`make upgrade-test`).

The earlier commit is TRIAGE_EARLIER, or the newest tag of a release. Its code runs with the installed libraries.
"""

import asyncio
import os
import subprocess
import sys
import tarfile
import uuid
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest

from tests.kafka import admin
from tests.kafka.harness import DELIVERIES, KafkaHarness, message
from tests.kafka.router_harness import RouterHarness, intent_record
from tests.kafka.traffic import constant_traffic

ROOT = Path(__file__).parents[2]
SOURCES = ("schemas/triage_schemas", "models/triage_models", "models/bundles/ecommerce", "worker/triage_worker")
PARTITIONS = 6


def _earlier() -> str:
    """Return the commit that is given, or the newest tag of a release; empty without one."""
    tags = ["git", "tag", "--list", "v*", "--sort=-version:refname", "--no-contains", "HEAD"]
    listed = subprocess.run(tags, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    return os.environ.get("TRIAGE_EARLIER") or next(iter(listed), "")


EARLIER = _earlier()
pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not EARLIER, reason="no release is tagged, and TRIAGE_EARLIER names no commit"),
]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables with which a service runs the earlier code."""
    folder = tmp_path_factory.mktemp("earlier")
    archive = ["git", "archive", EARLIER, "--", *SOURCES]
    packed = subprocess.run(archive, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as opened:
        opened.extractall(folder, filter="data")
    path = os.pathsep.join(str(folder / name) for name in ("schemas", "models", "worker"))
    where = [
        sys.executable,
        "-c",
        "import triage_worker as one, triage_models as two; print(one.__file__, two.__file__)",
    ]
    variables = os.environ | {"PYTHONPATH": path}
    used = subprocess.run(where, cwd=folder, env=variables, capture_output=True, text=True, check=True)
    assert used.stdout.count(str(folder)) == 2, used
    return {"PYTHONPATH": path}


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_workers_of_both_share_a_group(harness: KafkaHarness, earlier: dict[str, str], delivery: str) -> None:
    """Two earlier workers are replaced by two of this version, and these by earlier ones again, under traffic."""
    await harness.create_topics(PARTITIONS)
    messages = ((f"c{number % 97}".encode(), message(f"where is parcel {number}")) for number in count())
    worker = {"module": "triage_worker worker", "delivery": delivery}
    workers = [await harness.join(timeout_s=120, **worker, **earlier) for _ in range(2)]
    async with constant_traffic(harness, messages, 50) as traffic:
        await harness.wait_for_first_commit()
        replaced_by: tuple[dict[str, str], ...] = ({}, {}, earlier, earlier)
        for version in replaced_by:
            workers.append(await harness.join(timeout_s=120, **worker, **version))
            await asyncio.sleep(1.0)
            assert await workers.pop(0).terminate() == 0
            await asyncio.sleep(1.0)
    outcomes = await harness.verify_delivery(workers, traffic.positions, repeats_allowed=delivery == "at_least_once")
    print(f"\n{EARLIER}, {delivery}: {len(traffic.positions)} messages, {len(outcomes.duplicated())} answered twice")


@pytest.mark.parametrize("from_topics", [False, True], ids=["same folder", "changelogs"])
async def test_the_router_goes_on_with_the_tickets_of_the_earlier_one(
    harness: KafkaHarness, earlier: dict[str, str], tmp_path: Path, from_topics: bool
) -> None:
    """The earlier router, then this one; tables in one folder, or from the changelogs."""
    name = uuid.uuid4().hex[:8]
    router = RouterHarness(harness, f"tickets-{name}", f"alerts-{name}", tmp_path / "state")
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [router.tickets])
    await admin.create_topics(harness.bootstrap, [router.alerts], partitions=1)
    conversations: list[str] = []
    versions: tuple[dict[str, str], ...] = (earlier, {})
    for turn, version in enumerate(versions):
        folder = str(tmp_path / (f"state-{turn}" if from_topics else "state"))
        service = router.start(state_dir=folder, **version)
        await service.wait_for_log("Partitions assigned", 120)
        more = [f"chat-{number % 40}" for number in range(80)]
        await router.send(
            intent_record(len(conversations) + number, conversation, "WISMO")
            for number, conversation in enumerate(more)
        )
        conversations += more
        await router.wait_until_routed()
        assert await service.terminate() == 0, service.log_text()
    await router.verify_tickets(conversations)
