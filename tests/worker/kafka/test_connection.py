"""Several brokers fail for different causes: the one that a person can act on is named, whoever was asked last."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import permutations

import pytest
from aiokafka.errors import UnsupportedSaslMechanismError
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import connection
from triage_worker.kafka.client_compat import probe
from triage_worker.kafka.connection import RefusedError, UnansweredError, UnreachableError, check_connection, check_each

from tests.worker.kafka.client_compat.scripted_broker import never, scripted_broker

MECHANISM = "SCRAM-SHA-256"
NOT_OFFERED = 33
KINDS = ("refuses", "hangs", "away")

Ports = dict[str, int]


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ports]:
    """The ports of a broker that refuses the login, one that hangs, one that is away, and one that takes all logins."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.2)
    async with AsyncExitStack() as stack:
        brokers = {
            "refuses": await stack.enter_async_context(
                scripted_broker(SaslHandShakeRequest=lambda _: (NOT_OFFERED, ["PLAIN"]))
            ),
            "hangs": await stack.enter_async_context(scripted_broker(ApiVersionRequest=never)),
            "away": await stack.enter_async_context(scripted_broker()),
            "answers": await stack.enter_async_context(scripted_broker()),
        }
        await brokers["away"].hang_up()
        yield {name: broker.port for name, broker in brokers.items()}


def settings() -> Settings:
    return Settings(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=MECHANISM,
        sasl_username="triage",
        sasl_password="secret",
    )


def ask_in_order(monkeypatch: pytest.MonkeyPatch, ports: Ports, *names: str) -> None:
    monkeypatch.setattr(probe, "addresses", lambda _: [("127.0.0.1", ports[name]) for name in names])


async def check(monkeypatch: pytest.MonkeyPatch, ports: Ports, *names: str) -> ConfigError:
    ask_in_order(monkeypatch, ports, *names)
    with pytest.raises(ConfigError) as one:
        await check_connection(settings())
    with pytest.raises(ConfigError) as each:
        await check_each(settings())
    assert (str(one.value), type(one.value)) == (str(each.value), type(each.value))
    return one.value


@pytest.mark.parametrize("names", list(permutations(KINDS)), ids=" ".join)
async def test_a_refusal_wins_over_silence(
    monkeypatch: pytest.MonkeyPatch, ports: Ports, names: tuple[str, ...]
) -> None:
    error = await check(monkeypatch, ports, *names)
    assert type(error) is RefusedError
    assert f"127.0.0.1:{ports['refuses']} does not offer {MECHANISM}" in str(error)


@pytest.mark.parametrize("names", list(permutations(KINDS[1:])), ids=" ".join)
async def test_a_broker_that_hangs_wins_over_one_that_is_away(
    monkeypatch: pytest.MonkeyPatch, ports: Ports, names: tuple[str, ...]
) -> None:
    assert type(await check(monkeypatch, ports, *names)) is UnansweredError


async def test_a_broker_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch, ports: Ports) -> None:
    error = await check(monkeypatch, ports, "away")
    assert type(error) is UnreachableError
    assert str(ports["away"]) in str(error)


async def test_one_that_answers_is_enough_where_others_are_silent(
    monkeypatch: pytest.MonkeyPatch, ports: Ports
) -> None:
    for names in (("answers", "away"), ("away", "answers"), ("hangs", "answers")):
        ask_in_order(monkeypatch, ports, *names)
        await check_connection(Settings())
        await check_each(Settings())


@pytest.mark.parametrize("names", [("refuses", "answers"), ("answers", "refuses")], ids=" ".join)
async def test_each_broker_is_asked_where_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, ports: Ports, names: tuple[str, ...]
) -> None:
    async def log_in(host: str, port: int, **_: object) -> None:
        if port == ports["refuses"]:
            raise UnsupportedSaslMechanismError(MECHANISM)

    monkeypatch.setattr(probe, "log_in", log_in)
    ask_in_order(monkeypatch, ports, *names)
    with pytest.raises(RefusedError, match=str(ports["refuses"])):
        await check_each(settings())
    if names[0] == "answers":
        await check_connection(settings())
