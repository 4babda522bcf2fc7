"""Runs services on a secured broker, each as a user of its own with given rights."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics

from tests.kafka.acls import Acl, documented_acls
from tests.kafka.endpoints import Endpoints
from tests.kafka.harness import ROOT, KafkaHarness, environment
from tests.kafka.processes import ServiceProcess, eventually
from tests.kafka.secured_broker import SecuredBroker
from tests.kafka.terminal import Terminal
from tests.worker.helpdesk.fakes import TOKEN, USER

MODULES = {"worker": "tests.kafka.fake_worker"}


class SecuredServices:
    """The topics by their default names, and services on them, each with the user of its name.

    Args:
        secured: the broker.
        folder: for the logs of the services.

    Attributes:
        broker: the broker.
        kafka: a harness whose client may do everything.
        topics: by the setting that names a topic, its name.
    """

    def __init__(self, secured: SecuredBroker, folder: Path) -> None:
        self.broker = secured
        self.kafka = KafkaHarness(secured.bootstrap, folder)
        self.topics = {
            name: str(getattr(Settings(), name)) for name in Settings.model_fields if name.endswith("_topic")
        }
        self.kafka.input, self.kafka.output = self.topics["input_topic"], self.topics["output_topic"]
        self.kafka.fallback, self.kafka.dead_letters = self.topics["fallback_topic"], self.topics["dead_letter_topic"]

    def start(self, service: str, *, program: str = "triage_worker", **settings: str) -> ServiceProcess:
        """Start a service, by default as users do; the harness then waits for its group."""
        self.kafka.group = f"triage-{service}"
        # A worker would follow a control topic that is named.
        named = {name: topic for name, topic in self.topics.items() if name != "control_topic"}
        defaults = {**named, **self.broker.login(service), "group_id": self.kafka.group}
        return self.kafka.start(module=MODULES.get(service, f"{program} {service}"), **{**defaults, **settings})

    async def run_command(self, user: str, *arguments: str) -> tuple[int, str]:
        """Run a command as a user; returns its exit code and output."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "triage_worker", *arguments],
            cwd=ROOT,
            env=environment(**self.broker.login(user)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def open_review(self, **settings: str) -> Terminal:
        """Start the review at a terminal; it ends with the test."""
        command = [sys.executable, "-m", "triage_worker", "review"]
        terminal = Terminal(command, environment(**self.broker.login("review", **settings)))
        self.kafka.stop_later(ServiceProcess(terminal.process, Path(os.devnull)))
        return terminal

    @asynccontextmanager
    async def granted(self, user: str, acls: Sequence[Acl]) -> AsyncIterator[None]:
        """Give rights to a user within the context, which may revoke some of them itself."""
        await self.broker.grant(user, acls)
        try:
            yield
        finally:
            # A test that fails has not granted again what it revoked: its own error is the one to report.
            await self.broker.revoke(user, acls, missing_ok=True)

    async def terminate(self, service: ServiceProcess) -> None:
        """Terminate a service, which must exit with 0 and not have logged a password."""
        assert await service.terminate() == 0, service.log_text()
        assert "hush" not in service.log_text()

    async def send_messages(self, run: str, numbers: Iterable[int]) -> None:
        """Send messages of a run to the worker: accepted ones, fallback requests and unreadable ones, in turn."""
        ends = ('"text":"aa"}', '"text":"e"}', "")
        await self.kafka.produce(
            [(b"k", f'{{"message_id":"{run}-{number}",{ends[number % 3]}'.encode()) for number in numbers]
        )

    async def answered(self, run: str) -> list[int]:
        """Return the numbers of a run's messages in the order of the outputs, one output topic after the other.

        The outputs of other tests are on the same topics.
        """
        found: list[int] = []
        for topic in (self.kafka.output, self.kafka.fallback, self.kafka.dead_letters):
            for record in await self.kafka.read(topic):
                found += map(int, re.findall(rf'"message_id":"{run}-(\d+)"'.encode(), record.value or b""))
        return found

    async def skip(self, service: str, topic: str) -> None:
        """Move a service's group to the end of a topic, past the records of other tests."""
        # As it closes, a consumer that commits by itself may move the group back to where it was.
        arguments: dict[str, Any] = {"group_id": f"triage-{service}", "enable_auto_commit": False}
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, **arguments) as consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            ends = await consumer.end_offsets([partition])

            async def committed() -> bool:
                try:
                    await consumer.commit(ends)
                except CommitFailedError:
                    return False  # a service of a test that failed was killed, and is a member until its session ends
                return True

            await eventually(committed, 30)

    async def contains(self, topic: str, text: str) -> bool:
        """Whether a record of a topic contains a text."""
        return any(text.encode() in (record.value or b"") for record in await self.kafka.read(topic))


@asynccontextmanager
async def secured_services(secured: SecuredBroker, folder: Path) -> AsyncIterator[SecuredServices]:
    """Create the topics with the rights of the operator; services end with the context."""
    services = SecuredServices(secured, folder)
    async with services.granted("operator", documented_acls("operator")):
        operator = Settings.load(**secured.login("operator"))
        await topics.create(operator, partitions=1, replicas=None)
        assert await topics.check(operator) == []
    with services.kafka:
        yield services


async def reports_missing(acl: Acl, endpoints: Endpoints) -> bool:
    """Whether /readyz reports that a right on a topic is missing."""
    status, problem = await endpoints.get("/readyz")
    assert "hush" not in problem
    return status == 503 and f"{acl.operation} on the topic {acl.name}" in problem


def zendesk_settings(url: str) -> dict[str, str]:
    """Return the settings that connect the helpdesk service to a fake Zendesk."""
    return {"helpdesk": "zendesk", "helpdesk_url": url, "helpdesk_user": USER, "helpdesk_token": TOKEN}
