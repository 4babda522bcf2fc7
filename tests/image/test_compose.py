"""The Compose file on the engine: all services up, a message through, Prometheus scrapes them, and down."""

import asyncio
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from triage_worker.console.signing_in.users import add_user

from tests.deploy.tools import CHART, DEPLOY, ROOT, program
from tests.image.containers import ENGINE, IMAGE, MARKS, engine
from tests.kafka import broker
from tests.worker.serve.running import write_keys

pytestmark = [*MARKS, pytest.mark.compose, pytest.mark.timeout(900)]

FILE = DEPLOY / "compose.yaml"
SERVICES = (
    "kafka",
    "topics",
    "worker",
    "router",
    "fallback",
    "audit",
    "serve",
    "console",
    "intake",
    "prometheus",
    "grafana",
)
"""All but the helpdesk, which needs somebody's account."""

START_S = 420.0


class Compose:
    """Calls Docker Compose for the project's file, with the engine's socket."""

    def __init__(self, folder: Path, variables: dict[str, str], left_out: set[str]) -> None:
        self.services = [name for name in SERVICES if name not in left_out]
        self._environment = os.environ | variables
        self._files = ["--file", str(FILE), "--file", str(override(folder))]

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Run a command of Compose; fails with its output if the exit code is not 0."""
        command = [program("venv/bin/docker-compose"), "--project-name", "triage-test", "--profile", "*", *self._files]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, env=self._environment, cwd=ROOT, check=False
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def ids(self) -> list[str]:
        """The identifiers of all containers."""
        return self("ps", "--all", "--quiet").split()


def override(folder: Path) -> Path:
    """Write what differs on podman, which does not know the name of the host's address."""
    services = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    own = [name for name, service in services.items() if service.get("image", "").startswith("triage:")]
    lines = "".join(f"  {name}:\n    extra_hosts: !reset []\n" for name in own)
    file = folder / "override.yaml"
    file.write_text(f"services:\n{lines}" if ENGINE == "podman" else "services: {}\n", encoding="utf-8")
    return file


@contextmanager
def socket(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the variables by which Compose finds the engine; podman serves Docker's API for the time of the test."""
    if ENGINE != "podman":
        yield {}
        return
    address = f"unix://{folder / 'podman.sock'}"
    served = subprocess.Popen(
        ["podman", "system", "service", "--time", "0", address], env=os.environ | {"DISABLE_HC_SYSTEMD": "true"}
    )
    try:
        yield {"DOCKER_HOST": address}
    finally:
        served.terminate()
        served.wait(30)


@contextmanager
def health_checks(compose: Compose) -> Iterator[None]:
    """Run the containers' health checks, which podman leaves to systemd, and not every machine has that."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(8):
            for container in engine(
                "ps", "--quiet", "--filter", "label=com.docker.compose.project=triage-test"
            ).stdout.split():
                engine("healthcheck", "run", container, check=False)

    thread = threading.Thread(target=run)
    if ENGINE == "podman":
        thread.start()
    try:
        yield
    finally:
        done.set()
        if ENGINE == "podman":
            thread.join(60)


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    folder = tmp_path_factory.mktemp("compose")
    files = {f"TRIAGE_{name}": str(folder / file) for name, file in FILES.items()}
    write_keys(folder / FILES["SERVE_KEYS"])
    add_user(folder / FILES["CONSOLE_USERS"], "anna", "lead", "a long password of hers")
    (folder / FILES["INTAKE_SOURCES"]).write_text(
        yaml.safe_dump(
            {"sources": [{"name": "shop", "kind": "plain", "secrets": [{"file": "/run/secrets/intake-secret"}]}]}
        )
    )
    secret = DEPLOY / "intake-secret"
    made = not secret.exists()
    if made:
        secret.write_text("s3cret-of-a-test")
    for path in (*folder.iterdir(), secret):
        path.chmod(0o644)
    folder.chmod(0o755)
    broker.install()
    left_out = stand_ins()
    print(f"\nneither pulled nor made: {', '.join(sorted(left_out)) or 'nothing'}")
    with socket(folder) as variables:
        project = Compose(folder, files | variables, left_out)
        try:
            yield project
        finally:
            project("down", "--volumes", "--timeout", "30", check=False)
            if made:
                secret.unlink()


FILES = {"SERVE_KEYS": "keys.yaml", "CONSOLE_USERS": "users.yaml", "INTAKE_SOURCES": "intake.yaml"}


def stand_ins() -> set[str]:
    """Make the images that cannot be pulled; returns the services whose image cannot be made either."""
    build = [str(DEPLOY / "compose" / "stand_ins" / "build"), str(broker.JARS)]
    missing = subprocess.run(build, capture_output=True, text=True, check=True).stdout.split()
    services: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    engine("tag", IMAGE, f"docker.io/library/{IMAGE}")
    return {name for name, service in services.items() if service.get("image") in missing}


def get(url: str) -> tuple[int, str]:
    """Return the status and the body of a page; the status is 0 if nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except OSError:
        return 0, ""


def query(expression: str) -> list[Any]:
    """Ask Prometheus."""
    url = f"http://127.0.0.1:9090/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    found: list[Any] = json.loads(get(url)[1] or '{"data": {"result": []}}')["data"]["result"]
    return found


def until(condition: str, holds: Callable[[], bool], timeout_s: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, condition
        time.sleep(1)


async def test_all_of_it(compose: Compose) -> None:
    with health_checks(compose):
        compose("up", "--detach", "--no-build", *compose.services[2:])
        for container in compose.ids():
            until(f"{container} was healthy once", partial(healthy, container), START_S)
        intent = await answered()
        assert b'"intent":"WISMO"' in intent.replace(b": ", b":")
        assert get("http://127.0.0.1:8085/")[0] == 200, "the console"
        jobs = {f"triage-{name}" for name in ("worker", "router", "fallback", "audit")}
        until("all are scraped", lambda: jobs <= {one["metric"]["job"] for one in query("up == 1")}, 90)
        until("the message is counted", lambda: query("sum(triage_messages_answered_total) > 0") != [], 60)
        assert len(json.loads(get("http://127.0.0.1:9090/api/v1/rules")[1])["data"]["groups"]) > 1
        if "grafana" in compose.services:
            assert get("http://127.0.0.1:3000/api/health")[0] == 200
        for expression in panels():
            assert (
                '"status":"success"'
                in get(f"http://127.0.0.1:9090/api/v1/query?{urllib.parse.urlencode({'query': expression})}")[1]
            ), expression
    states = engine("inspect", "--format", "{{.Name}} {{.RestartCount}}", *compose.ids()).stdout
    print(states)
    compose("down", "--volumes", "--timeout", "60")
    assert not compose.ids()


def healthy(container: str) -> bool:
    """Whether a container's last health check passed; true for one without a check."""
    form = "{{if .State.Health}}{{.State.Health.Status}}{{end}}"
    return engine("inspect", "--format", form, container).stdout.strip() in ("", "healthy")


def panels() -> list[str]:
    """Every query of the dashboards, for all namespaces."""
    texts = [file.read_text(encoding="utf-8") for file in (CHART / "files" / "dashboards").glob("*.json")]
    expressions = [
        json.loads(f'"{found}"') for text in texts for found in re.findall(r'"expr": "((?:[^"\\]|\\.)*)"', text)
    ]
    assert expressions
    return [re.sub(r"\$__\w+|\$\{__\w+\}", "5m", one).replace("$", "") for one in expressions]


async def answered() -> bytes:
    """Send a message by the port of this machine, and return the first event."""
    async with AIOKafkaProducer(bootstrap_servers="localhost:29092") as producer:
        await producer.send_and_wait("customer.messages", b'{"text": "where is my parcel"}')
    consumer = AIOKafkaConsumer("customer.intents", bootstrap_servers="localhost:29092", auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(90):
        value: bytes = (await consumer.getone()).value or b""
        return value
