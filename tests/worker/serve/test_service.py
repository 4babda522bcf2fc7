"""Start and end of the service: addresses, ports, a new bundle, SIGTERM."""

import asyncio
import signal
from pathlib import Path
from time import monotonic

import aiohttp
import pytest
from triage_models.bundle.store import BundleStore
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import free_port
from triage_worker.serve.service import address

from tests.models.fake_bundles import variant
from tests.worker.serve.running import running


def test_without_keys_only_this_machine_can_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address(Settings.load()) == "127.0.0.1"
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert address(Settings.load(http_host=host)) == host
    for host in ("0.0.0.0", "::", "10.0.0.7", "shop.example"):
        with pytest.raises(ConfigError, match="there are no keys: set TRIAGE_SERVE_KEYS"):
            address(Settings.load(http_host=host))
    assert address(Settings.load(http_host="0.0.0.0", serve_keys="keys.yaml")) == "0.0.0.0"


async def test_sigterm_answers_what_is_in_flight_and_takes_readiness_away_first(tmp_path: Path) -> None:
    body = b'{"text": "where is my parcel"}'
    head = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    async with running(tmp_path) as service, aiohttp.ClientSession(service.url) as session:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(head % len(body) + body[:10])
        async with session.get("/livez") as response:  # so the beginning has arrived
            assert response.status == 200
        service.process.send_signal(signal.SIGTERM)
        stopped = monotonic()
        async with asyncio.timeout(60):
            while True:
                async with session.get("/readyz") as response:
                    if response.status == 503:
                        assert await response.text() == "stopping\n"
                        break
        async with session.get("/v1/intents") as response:
            assert response.status == 200  # load balancers notice later
        writer.write(body[10:])
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"WISMO"' in answer
        writer.close()
        assert await service.process.wait() == 0
        assert monotonic() - stopped < 10  # 5 s on a machine that is not busy with other tests


async def test_a_new_bundle_takes_over_without_a_restart_and_without_an_error(tmp_path: Path) -> None:
    store = BundleStore(tmp_path / "store")
    store.promote(variant(tmp_path / "a", "A"), why="the first")
    async with (
        running(tmp_path, bundle=store.root, bundle_poll_s=0.05) as service,
        aiohttp.ClientSession(service.url) as session,
    ):
        versions: list[str] = []

        async def ask() -> None:
            async with session.post("/v1/classify", json={"text": "where is my parcel"}) as response:
                assert response.status == 200
                versions.append((await response.json())["results"][0]["model"]["version"])

        await ask()
        store.promote(variant(tmp_path / "b", "B"), why="the second")
        async with asyncio.timeout(120):
            while versions[-1] != "B":
                await ask()
        assert versions == sorted(versions)
        async with session.get("/v1/intents") as response:
            assert [model["version"] for model in (await response.json())["models"]] == ["B"]


async def test_probes_and_metrics_have_a_port_of_their_own_where_it_is_set(tmp_path: Path) -> None:
    port = free_port()
    async with (
        running(tmp_path, serve_probe_port=port, serve_cors_origins="https://shop.example") as service,
        aiohttp.ClientSession() as session,
    ):
        for path in ("/livez", "/readyz", "/metrics"):
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                assert response.status == 200
        async with session.get(f"{service.url}/metrics") as response:
            assert response.status == 404
        wanted = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        async with session.options(f"{service.url}/v1/classify", headers=wanted) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        other = wanted | {"Origin": "https://evil.example"}
        async with session.options(f"{service.url}/v1/classify", headers=other) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"serve_keys": "missing.yaml"}, "The file of keys missing.yaml cannot be read"),
        ({"bundle": "missing"}, "missing"),
        ({"http_host": "0.0.0.0"}, "there are no keys"),
        ({"serve_cors_origins": "shop.example"}, "should be an origin"),
    ],
)
async def test_a_service_that_cannot_start_says_why(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(AssertionError) as caught:
        async with running(tmp_path, **settings):
            pass
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)
