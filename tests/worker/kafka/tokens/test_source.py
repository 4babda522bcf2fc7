"""One source serves many clients: one attempt at a time, ahead of time, and never in the way of the event loop."""

import asyncio
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from triage_worker.kafka.tokens.refresh import TokenRefresh
from triage_worker.kafka.tokens.source import TokenSource
from triage_worker.kafka.tokens.token import Token, TokenError

from tests.kafka.processes import eventually


class Provider:
    """Gives what a test puts into it, and waits for that; has a clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls = 0
        self.outcomes: queue.Queue[str | Exception] = queue.Queue()
        self.source = TokenSource(self.fetch, clock=lambda: self.now, refresh=TokenRefresh(lambda: 0.5))

    def fetch(self) -> Token:
        self.calls += 1
        outcome = self.outcomes.get(timeout=30)
        if isinstance(outcome, Exception):
            raise outcome
        return Token(outcome, 100)

    async def called(self, times: int) -> None:
        async def enough() -> bool:
            return self.calls >= times

        await eventually(enough, 10)

    async def served(self, token: str) -> None:
        async def it_is() -> bool:
            return await self.source.token() == token

        await eventually(it_is, 10)


@pytest.fixture
def provider() -> Iterator[Provider]:
    created = Provider()
    yield created
    created.source.close()
    created.outcomes.put(TokenError("the test is over"))


async def test_all_clients_wait_for_one_attempt(provider: Provider) -> None:
    asking = [asyncio.create_task(provider.source.token()) for _ in range(50)]
    await provider.called(1)
    provider.outcomes.put("first")
    assert await asyncio.gather(*asking) == ["first"] * 50
    assert await provider.source.token() == "first"
    assert provider.calls == 1


async def test_the_next_token_is_fetched_while_the_present_one_is_used(provider: Provider) -> None:
    provider.outcomes.put("first")
    await provider.source.token()
    provider.now = 81
    assert await provider.source.token() == "first"
    await provider.called(2)
    assert await provider.source.token() == "first"
    provider.outcomes.put("second")
    await provider.served("second")
    assert provider.calls == 2


async def test_a_failed_attempt_ahead_of_time_troubles_nobody(provider: Provider) -> None:
    provider.outcomes.put("first")
    await provider.source.token()
    provider.now = 81
    provider.outcomes.put(TokenError("away"))
    await provider.source.token()
    await provider.called(2)
    assert await provider.source.token() == "first"
    assert provider.source.problem is None


async def test_without_a_token_the_reason_is_raised_and_reported(provider: Provider) -> None:
    assert provider.source.problem is None
    provider.outcomes.put(TokenError("The issuer is away."))
    with pytest.raises(TokenError, match="The issuer is away"):
        await provider.source.token()
    assert provider.source.problem == "The issuer is away."
    with pytest.raises(TokenError, match="The issuer is away"):
        await provider.source.token(wait_s=0.01)
    provider.now = 2
    asking = asyncio.create_task(provider.source.token())
    provider.outcomes.put("first")
    assert await asking == "first"
    assert provider.source.problem is None


async def test_a_provider_that_hangs_is_reported_and_the_loop_goes_on(provider: Provider) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    with pytest.raises(TokenError, match="There is no token after 0 s"):
        await provider.source.token(wait_s=0.05)
    ticking.cancel()
    assert ticks > 10


async def test_a_client_that_gives_up_leaves_the_others_alone(provider: Provider) -> None:
    first, second = (asyncio.create_task(provider.source.token()) for _ in range(2))
    await provider.called(1)
    first.cancel()
    provider.outcomes.put("first")
    assert await second == "first"
    assert provider.calls == 1


async def test_a_refused_token_is_replaced(provider: Provider) -> None:
    provider.outcomes.put("first")
    await provider.source.token()
    provider.now = 20
    provider.source.refused()
    provider.outcomes.put("second")
    assert await provider.source.token() == "second"


async def test_an_error_of_a_library_is_one_line(provider: Provider) -> None:
    provider.outcomes.put(ValueError("it broke\n  in two"))
    with pytest.raises(TokenError, match=r"^No token could be obtained \(ValueError: it broke in two\)\.$"):
        await provider.source.token()


async def test_clients_of_another_event_loop_get_the_same_token(provider: Provider) -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(provider.source.token())))
    thread.start()
    asking = asyncio.create_task(provider.source.token())
    await provider.called(1)
    provider.outcomes.put("first")
    assert await asking == "first"
    await asyncio.to_thread(thread.join)
    assert (found, provider.calls) == (["first"], 1)


async def test_an_event_loop_that_has_ended_is_no_obstacle(provider: Provider) -> None:
    def ask_and_give_up() -> None:
        loop = asyncio.new_event_loop()
        asking = loop.create_task(provider.source.token())
        loop.call_later(0.05, asking.cancel)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(asking)
        loop.close()

    await asyncio.to_thread(ask_and_give_up)
    provider.outcomes.put("first")
    assert await provider.source.token() == "first"


def test_a_provider_that_hangs_does_not_delay_the_end_of_the_process() -> None:
    script = """
import asyncio, time
from triage_worker.kafka.tokens.source import TokenSource
from triage_worker.kafka.tokens.token import TokenError

async def main():
    try:
        await TokenSource(lambda: time.sleep(600)).token(wait_s=0.1)
    except TokenError:
        print("no token")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "no token\n", "")
