"""The HTTP endpoints: three pages, which are read by GET only."""

import errno
from contextlib import suppress
from socket import AF_INET6, has_ipv6, socket

import pytest
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry
from triage_worker.config.errors import ConfigError
from triage_worker.observability.http import serving

from tests.kafka.broker import free_ports

PAGES = ["/livez", "/readyz", "/metrics"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_and_other_paths_are_refused(method: str) -> None:
    (port,) = free_ports(1)
    async with (
        serving("127.0.0.1", port, alive=lambda: None, ready=lambda: "starting", registry=CollectorRegistry()),
        ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        for page in PAGES:
            async with session.request(method, page, data=b"x" * 1_000) as response:
                assert response.status == 405
        for page in ("/", "/settings", "/metrics/..", "/debug", "/%2e%2e/etc/passwd"):
            async with session.get(page) as response:
                assert response.status == 404
        async with session.get("/readyz?verbose=1") as response:
            assert (response.status, await response.text()) == (503, "starting\n")


async def test_the_port_still_answers_after_a_request_that_is_too_large() -> None:
    (port,) = free_ports(1)
    async with (
        serving("127.0.0.1", port, alive=lambda: None, ready=lambda: None, registry=CollectorRegistry()),
        ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        with suppress(ConnectionError):
            async with session.get("/livez", headers={"X-Large": "a" * 100_000}) as response:
                assert response.status == 400
        async with session.get("/livez") as response:
            assert (response.status, await response.text()) == (200, "ok\n")


async def test_the_answer_of_readyz_is_a_metric() -> None:
    (port,) = free_ports(1)
    registry, problems = CollectorRegistry(), ["no partitions assigned yet"]
    async with serving(
        "127.0.0.1", port, alive=lambda: None, ready=lambda: next(iter(problems), None), registry=registry
    ):
        assert registry.get_sample_value("triage_ready") == 0
        problems.clear()
        assert registry.get_sample_value("triage_ready") == 1


async def test_two_colons_bind_all_addresses_of_both_families() -> None:
    """A pod has addresses of one family or of both, and the kubelet uses the first one."""
    (port,) = free_ports(1)
    no_problems = {"alive": lambda: None, "ready": lambda: None}
    async with serving("::", port, **no_problems, registry=CollectorRegistry()), ClientSession() as session:
        for host in ("127.0.0.1", *(["[::1]"] if has_ipv6 and _has_loopback() else [])):
            async with session.get(f"http://{host}:{port}/livez") as response:
                assert response.status == 200


def _has_loopback() -> bool:
    with socket(AF_INET6) as probe, suppress(OSError):
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("no-such-host.invalid", "set TRIAGE_HTTP_HOST to an address of this machine"),
        ("192.0.2.1", "set TRIAGE_HTTP_HOST to an address of this machine"),
        ("127.0.0.1", "set TRIAGE_HTTP_PORT to a free port, or to 0"),
    ],
)
async def test_an_address_that_cannot_be_listened_on_is_one_sentence(host: str, advice: str) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^{host}:{port} cannot be listened on \(.*\): {advice}"):
            async with serving(host, port, alive=lambda: None, ready=lambda: None, registry=CollectorRegistry()):
                pass


async def test_a_port_of_the_system_is_refused_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: web.TCPSite) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(web.TCPSite, "start", refuse)
    with pytest.raises(ConfigError, match=r"80 cannot be listened on.*: set TRIAGE_HTTP_PORT to a port above 1023"):
        async with serving("::", 80, alive=lambda: None, ready=lambda: None, registry=CollectorRegistry()):
            pass
