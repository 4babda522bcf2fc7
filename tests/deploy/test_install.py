"""Installs the services as the image does (tests/deploy/image.py), and starts them from there."""

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from triage_worker.bench.process_usage import cpu_seconds
from triage_worker.demo.embedded_broker import embedded_broker, free_port

from tests.deploy.image import Image, build, run
from tests.deploy.tools import ROOT

pytestmark = [pytest.mark.install, pytest.mark.timeout(300)]

LIMIT_MB = 320
SERVICES = ("worker", "router", "fallback", "serve")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(tmp_path_factory.mktemp("image"))


def test_it_is_small_and_has_no_torch(image: Image) -> None:
    parts = image.parts_mb()
    total = sum(parts.values())
    largest = [f"{name} {size:.0f}" for name, size in list(parts.items())[:10]]
    print(f"\n{total:.0f} MB in all: {', '.join(largest)}")
    assert total < LIMIT_MB, largest
    assert "opentelemetry" in parts
    assert not {"torch", "transformers", "sklearn", "pytest", "pip", "grpc", "hf_xet", "setuptools"} & set(parts)


def test_the_documentation_lists_the_largest_parts_with_their_sizes(image: Image) -> None:
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    row = next(line for line in manual.splitlines() if line.startswith("| added to"))
    listed = {name: int(size) for name, size in re.findall(r"`([\w.]+)` (\d+)", row)}
    largest = dict(list(image.parts_mb().items())[: len(listed)])
    assert listed == pytest.approx(largest, rel=0.2, abs=1), "docs/operations.md lists other parts, or other sizes"


def test_the_command_line_is_complete(image: Image) -> None:
    said = run(str(image.triage), "--help")
    assert all(service in said for service in SERVICES)
    assert "damaged" not in run(str(image.triage), "bundle", "verify", str(image.bundle))


async def test_the_services_start_work_and_stop_from_there(image: Image, tmp_path: Path) -> None:
    async with embedded_broker() as bootstrap:
        await asyncio.to_thread(_triage, image, bootstrap, "topics", "create", "--partitions", "2")
        llm = f"http://127.0.0.1:{free_port()}/v1"
        ports = {service: free_port() for service in SERVICES}
        services: dict[str, subprocess.Popen[bytes]] = {}
        log = tmp_path / "services.log"
        try:
            for service in SERVICES:
                variables = _variables(image, bootstrap) | {"TRIAGE_HTTP_PORT": str(ports[service])}
                if service == "fallback":
                    variables |= {"TRIAGE_LLM_URL": llm, "TRIAGE_LLM_MODEL": "away"}
                started = time.monotonic()
                services[service] = _start(image, service, variables, log)
                await _ready(ports[service], services[service], log)
                worked_s = cpu_seconds(services[service].pid)
                assert worked_s is not None
                print(f"\n{service} ready after {time.monotonic() - started:.1f} s, {worked_s:.1f} s of the processor")
            intent = await _answer(bootstrap)
            assert b'"intent"' in intent
            assert await _get(ports["worker"], "/livez") == 200
            assert await _get(ports["serve"], "/v1/intents") == 200
        finally:
            for process in services.values():
                process.send_signal(signal.SIGTERM)
            codes = {name: await asyncio.to_thread(process.wait, 60) for name, process in services.items()}
        assert codes == dict.fromkeys(SERVICES, 0), _said(log)


def _variables(image: Image, bootstrap: str) -> dict[str, str]:
    """The variables for the embedded broker, and those of the image."""
    return image.variables(bootstrap) | {
        "TRIAGE_IDEMPOTENCE": "false",
        "TRIAGE_SESSION_TIMEOUT_MS": "6000",
        "TRIAGE_FETCH_MAX_WAIT_MS": "50",
    }


def _start(image: Image, service: str, variables: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as stream:
        return subprocess.Popen([image.triage, service], env=variables, cwd=log.parent, stdout=stream, stderr=stream)


def _triage(image: Image, bootstrap: str, *arguments: str) -> None:
    done = subprocess.run(
        [image.triage, *arguments], env=_variables(image, bootstrap), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def _ready(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    async with asyncio.timeout(60):
        while await _get(port, "/readyz") != 200:
            assert process.poll() is None, _said(log)
            await asyncio.sleep(0.05)


def _said(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


async def _get(port: int, path: str) -> int:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def _answer(bootstrap: str) -> bytes:
    """Send a message and return the first event for it."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait("customer.messages", b'{"text": "where is my parcel, it should be here by now"}')
    topics = ("customer.intents", "customer.intents.fallback")
    async with AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(60):
            record = await consumer.getone()
            assert record.value is not None
            return record.value
