"""What is in the image, put together as the Dockerfile does it, without Docker: an empty environment, the wheel, the
slim bundle, and the three services started from there."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.image.requirements import requirements
from deploy.image.slim_bundle import slim
from models import DEFAULT_BUNDLE
from tests.deploy.tools import ROOT
from worker.demo.broker import embedded_broker, free_port

pytestmark = [pytest.mark.install, pytest.mark.timeout(300)]

MEGABYTE = 1_000_000
LIMIT_MB = 400
SERVICES = ("worker", "router", "fallback")


@dataclass(frozen=True)
class Image:
    """The two folders that the image adds to Python's own."""

    environment: Path
    bundle: Path

    @property
    def triage(self) -> Path:
        return self.environment / "bin" / "triage"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    made = Image(folder / "triage", folder / "bundle")
    _run(sys.executable, "-m", "venv", "--without-pip", str(made.environment))
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(requirements((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "cpu")))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    into = (*pip, "--python", str(made.environment / "bin" / "python"), "install")
    _run(*into, "--only-binary", ":all:", "--constraint", str(ROOT / "constraints.txt"), "--requirement", str(listed))
    slim(DEFAULT_BUNDLE, made.bundle, "cpu")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in ("schemas", "worker", "models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bundles", "corpus"):
        shutil.rmtree(source / "models" / name)
    _run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(source))
    _run(*into, "--no-deps", *map(str, (folder / "dist").glob("*.whl")))
    return made


def _run(*command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRIAGE_", "PYTHON"))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _size_mb(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum(file.stat().st_size for file in files) / MEGABYTE


def test_it_is_small_and_has_no_torch(image: Image) -> None:
    packages = next(image.environment.glob("lib/python*/site-packages"))
    parts = {path.name: _size_mb(path) for path in packages.iterdir()} | {"the bundle": _size_mb(image.bundle)}
    largest = sorted(parts.items(), key=lambda part: part[1], reverse=True)
    total = _size_mb(image.environment) + _size_mb(image.bundle)
    print(f"\n{total:.0f} MB in all:", ", ".join(f"{name} {size:.0f}" for name, size in largest[:10]))
    assert total < LIMIT_MB, largest[:10]
    assert "opentelemetry" in parts
    assert not {"torch", "transformers", "sklearn", "pytest", "pip"} & set(parts)


def test_the_command_line_is_whole(image: Image) -> None:
    said = _run(str(image.triage), "--help")
    assert all(service in said for service in SERVICES)
    assert "damaged" not in _run(str(image.triage), "bundle", "verify", str(image.bundle))


async def test_the_three_services_start_work_and_stop_from_there(image: Image, tmp_path: Path) -> None:
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
                worked_s = _worked_s(services[service].pid)
                print(f"\n{service} ready after {time.monotonic() - started:.1f} s, {worked_s:.1f} s of the processor")
            intent = await _answer(bootstrap)
            assert b'"intent"' in intent
            assert await _get(ports["worker"], "/livez") == 200
        finally:
            for process in services.values():
                process.send_signal(signal.SIGTERM)
            codes = {name: await asyncio.to_thread(process.wait, 60) for name, process in services.items()}
        assert codes == dict.fromkeys(SERVICES, 0), _said(log)


def _worked_s(pid: int) -> float:
    """Processor time of a process, all its threads, from Linux's books."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _variables(image: Image, bootstrap: str) -> Mapping[str, str]:
    """Nothing but what the image and the embedded broker need."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRIAGE_BUNDLE": str(image.bundle),
        "TRIAGE_BOOTSTRAP_SERVERS": bootstrap,
        "TRIAGE_IDEMPOTENCE": "false",
        "TRIAGE_SESSION_TIMEOUT_MS": "6000",
        "TRIAGE_FETCH_MAX_WAIT_MS": "50",
        "TRIAGE_HTTP_HOST": "127.0.0.1",
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
    """Send a message; the first event that comes of it."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait("customer.messages", b'{"text": "where is my parcel, it should be here by now"}')
    topics = ("customer.intents", "customer.intents.fallback")
    async with AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(60):
            record = await consumer.getone()
            return bytes(record.value)
