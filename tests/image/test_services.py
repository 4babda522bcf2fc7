"""Seven services from the image on a real Kafka: a webhook becomes an intent and a ticket; all stop by SIGTERM."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from triage_worker.console.signing_in.users import add_user

from tests.image.containers import MARKS, ContainerHarness
from tests.kafka import admin
from tests.kafka.all_services import AllServices
from tests.kafka.endpoints import Endpoints
from tests.kafka.intake_traffic import IntakeHarness
from tests.kafka.processes import ServiceProcess, eventually
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk.fakes import FakeZendesk
from tests.worker.serve.running import KEYS, write_keys

pytestmark = [*MARKS, pytest.mark.kafka]

TEXT = "where is my parcel"
START_S = 180.0
"""With half a core each, on a machine of two cores with a broker."""

Running = dict[str, tuple[Endpoints, ServiceProcess]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that containers see, with the keys of `serve` and the people of `console`."""
    write_keys(tmp_path / "keys.yaml")
    add_user(tmp_path / "users.yaml", "anna", "lead", "a long password of hers")
    for file in tmp_path.glob("*.yaml"):
        file.chmod(0o644)
    return tmp_path


async def started(containers: ContainerHarness, services: AllServices, folder: Path) -> Running:
    """Start all services, and wait until they are ready."""
    names = {f"{name}_topic": f"{name}-{containers.group}" for name in ("control", "acts")}
    await services.create_topics()
    await admin.create_topics(containers.bootstrap, names.values(), partitions=2)
    endpoints = {
        name: Endpoints() for name in ("worker", "router", "fallback", "helpdesk", "serve", "console", "intake")
    }
    intake = IntakeHarness(containers, folder, [endpoints["intake"].port])
    received = {intake.topic: {"message.timestamp.type": "LogAppendTime"}}
    await admin.create_topics(containers.bootstrap, [intake.topic], 2, 1, received)
    intake.write_sources()
    users = {"console_users": str(folder / "users.yaml"), "console_state": "/tmp/console.sqlite"}
    running = {
        name: (endpoints[name], services.start(name, **endpoints[name].settings))
        for name in ("worker", "router", "fallback", "helpdesk")
    }
    keys = {"module": "triage_worker serve", "serve_keys": str(folder / "keys.yaml")}
    running["serve"] = endpoints["serve"], containers.start(**keys, **endpoints["serve"].settings)
    running["console"] = (
        endpoints["console"],
        services.start("console", **users, **names, **endpoints["console"].settings),
    )
    running["intake"] = endpoints["intake"], intake.start(endpoints["intake"].port)
    for endpoint, service in running.values():

        async def ready(endpoint: Endpoints = endpoint, service: ServiceProcess = service) -> bool:
            assert service.process.poll() is None, service.log_text()
            return await endpoint.ready()

        await eventually(ready, START_S, service.log_text)
    return running


async def classify(port: int) -> str:
    """Classify a text over HTTP; returns the answer."""
    url, headers = f"http://127.0.0.1:{port}/v1/classify", {"Authorization": f"Bearer {KEYS['caller']}"}
    asked = {"texts": [TEXT]}
    async with aiohttp.ClientSession() as session, session.post(url, json=asked, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def test_a_webhook_becomes_a_ticket(containers: ContainerHarness, folder: Path) -> None:
    helpdesk = FakeZendesk()
    async with LlmServer(always(lambda: answer("WISMO"))) as llm, helpdesk.running() as site:
        running = await started(containers, AllServices(containers, site, llm.url), folder)
        intake = IntakeHarness(containers, folder, [running["intake"][0].port])
        assert await intake.send_once(1) == 202

        async def ticket_created() -> bool:
            return len(helpdesk.tickets) >= 1

        def logs() -> str:
            return "\n".join(service.log_text()[-1000:] for _, service in running.values())

        await eventually(ticket_created, 120, logs)
        (intent,) = await containers.read(containers.output)
        assert b'"WISMO"' in (intent.value or b"")
        await containers.produce([(b"chat-9", b'{"text": "qwrt zxcv mnbv"}')])

        async def answered_by_the_llm() -> bool:
            return any(b'"llm"' in (record.value or b"") for record in await containers.read(containers.output))

        await eventually(answered_by_the_llm, 120, logs)
        assert '"WISMO"' in await classify(running["serve"][0].port)
        assert (await running["console"][0].get("/"))[0] == 200
        codes = dict(zip(running, await asyncio.gather(*(one.terminate() for _, one in running.values())), strict=True))
        assert codes == dict.fromkeys(running, 0), logs()
