"""A function of the user's own, by its import path."""

import asyncio
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiokafka.abc import AbstractTokenProvider
from triage_worker.config.errors import ConfigError
from triage_worker.kafka.tokens.imported import ImportedProvider
from triage_worker.kafka.tokens.token import TokenError


class Provider(AbstractTokenProvider):
    """As aiokafka has them; its loop must be the same every time, as sessions of HTTP clients need it."""

    def __init__(self) -> None:
        self.loops: set[object] = set()

    async def token(self) -> str:
        self.loops.add(asyncio.get_running_loop())
        return f"of {len(self.loops)} loop".replace(" ", "-")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module ``own_logins``, which the tests fill."""
    module = ModuleType("own_logins")
    monkeypatch.setitem(sys.modules, "own_logins", module)
    return module


def provide(own: ModuleType, function: Any) -> ImportedProvider:
    own.function = function  # type: ignore[attr-defined]
    return ImportedProvider("own_logins:function")


def test_a_function_gives_a_token(own: ModuleType) -> None:
    assert provide(own, lambda: "opaque").fetch().value == "opaque"


def test_it_may_say_when_the_token_ends(own: ModuleType) -> None:
    token = provide(own, lambda: ("opaque", time.time() + 60)).fetch()
    assert (token.value, 50 < token.lifetime_s <= 60) == ("opaque", True)


def test_it_may_be_a_coroutine(own: ModuleType) -> None:
    async def function() -> tuple[str, float]:
        return "opaque", time.time() + 60

    provider = provide(own, function)
    assert [provider.fetch().value for _ in range(2)] == ["opaque", "opaque"]
    assert provider._runner is not None
    provider._runner.close()


def test_it_may_be_a_provider_of_aiokafka(own: ModuleType) -> None:
    provider = provide(own, Provider)
    assert [provider.fetch().value for _ in range(2)] == ["of-1-loop", "of-1-loop"]
    assert provider._runner is not None
    provider._runner.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "own_logins:function gave no token"),
        (("a", "b"), "own_logins:function gave no token"),
        (("opaque", 1.0), "see whether the clocks are right"),
        (("opaque", time.time() * 1_000), "in seconds since 1970, not in milliseconds"),
    ],
)
def test_what_is_no_token_is_refused(own: ModuleType, given: object, said: str) -> None:
    with pytest.raises(TokenError, match=said):
        provide(own, lambda: given).fetch()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_such_package.module:function", "cannot be imported (No module named 'no_such_package'): install"),
        ("own_logins:missing", "cannot be imported (module 'own_logins' has no attribute 'missing'): install"),
        ("own_logins:number", "is not a function"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(own: ModuleType, path: str, said: str) -> None:
    own.number = 7  # type: ignore[attr-defined]
    with pytest.raises(ConfigError) as caught:
        ImportedProvider(path)
    assert said in str(caught.value)


def test_a_module_is_found_where_python_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shop_logins.py").write_text("class Login:\n    @staticmethod\n    def token():\n        return 'x'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert ImportedProvider("shop_logins:Login.token").fetch().value == "x"
