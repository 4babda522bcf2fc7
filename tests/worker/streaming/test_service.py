"""The components of a service run together: the service ends with its consumer, or with the first error."""

import asyncio
from typing import cast

import pytest
from triage_worker.streaming.service import run_components
from triage_worker.streaming.wiring import ServiceComponents


class FakeComponent:
    """A component that runs until it has to end or to fail, or is cancelled."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.error: Exception | None = None
        self.cancelled = False

    async def run(self, *_: object) -> None:
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.error is not None:
            raise self.error


class FakeProcessor:
    """A processor whose threads run until it is closed."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = False

    def start(self) -> "asyncio.Future[None]":
        return self.failed

    def close(self) -> None:
        self.closed = True


class FakeComponents:
    """The components of a service."""

    def __init__(self) -> None:
        self.consumer = FakeComponent()
        self.delivery = FakeComponent()
        self.lag = FakeComponent()
        self.diagnosis = FakeComponent()
        self.processor = FakeProcessor()

    async def run(self) -> None:
        """Run all components, for up to 5 s."""
        async with asyncio.timeout(5):
            await run_components(cast("ServiceComponents", self), asyncio.Event(), 1.0)


async def test_the_service_ends_when_its_consumer_has_ended() -> None:
    components = FakeComponents()
    components.consumer.end.set()
    await components.run()
    assert (components.delivery.cancelled, components.lag.cancelled, components.processor.closed) == (True,) * 3


@pytest.mark.parametrize("name", ["consumer", "delivery", "lag", "diagnosis"])
async def test_an_error_of_a_component_ends_the_others_and_is_raised(name: str) -> None:
    components = FakeComponents()
    failing: FakeComponent = getattr(components, name)
    failing.error = RuntimeError("a bug")
    failing.end.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await components.run()
    others = {components.consumer, components.delivery, components.lag} - {failing}
    assert all(component.cancelled for component in others)
    assert components.processor.closed


async def test_an_error_of_the_processor_ends_the_others_and_is_raised() -> None:
    components = FakeComponents()
    components.processor.failed.set_exception(RuntimeError("a thread failed"))
    with pytest.raises(RuntimeError, match="a thread failed"):
        await components.run()
    assert (components.consumer.cancelled, components.processor.closed) == (True, True)
