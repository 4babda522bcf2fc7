"""The budget that fallbacks share: on a log in memory, read by each at its own pace."""

import asyncio

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback.budget import WINDOW_S, BudgetWindow, Reservation
from triage_worker.fallback.shared_budget import SharedBudget

Entry = tuple[bytes, float]


class World:
    """A log and its clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.entries: list[Entry] = []


class Process:
    """One who shares the log; what it has not read yet is still on its way."""

    problem = None

    def __init__(self, world: World, calls: int | None = None, money: float | None = None) -> None:
        self.world = world
        self.budget = SharedBudget(BudgetWindow(calls, money), self, lambda: world.now)
        self._read = 0

    async def append(self, value: bytes) -> None:
        self.append_in_background(value)

    def append_in_background(self, value: bytes) -> None:
        self.world.entries.append((value, self.world.now))

    def catch_up(self) -> None:
        for entry in self.world.entries[self._read :]:
            self.budget.apply(*entry)
        self._read = len(self.world.entries)


async def asked(process: Process, cost: float = 0.0) -> "asyncio.Task[Reservation | None]":
    """A call that has been written down, if it was worth it, and waits."""
    task = asyncio.create_task(process.budget.reserve(cost))
    await asyncio.sleep(0)
    return task


async def test_of_those_who_ask_at_once_the_log_decides() -> None:
    world = World()
    one, two = Process(world, calls=3), Process(world, calls=3)
    tasks = [await asked(process) for process in (one, two, one, two)]
    assert not any(task.done() for task in tasks), "nobody calls before it is read back"
    two.catch_up()
    one.catch_up()
    said = await asyncio.gather(*tasks)
    assert [spending is not None for spending in said] == [True, True, True, False]


async def test_what_a_killed_process_had_set_aside_counts_for_an_hour() -> None:
    world = World()
    victim = Process(world, money=1.0)
    task = await asked(victim, 0.8)
    victim.catch_up()
    assert await task is not None
    heir = Process(world, money=1.0)
    heir.catch_up()
    assert await heir.budget.reserve(0.3) is None
    world.now += WINDOW_S
    later = await asked(heir, 0.3)
    heir.catch_up()
    assert await later is not None


async def test_what_a_call_did_cost_is_known_to_all() -> None:
    world = World()
    one, two = Process(world, money=1.0), Process(world, money=1.0)
    task = await asked(one, 0.8)
    one.catch_up()
    spending = await task
    assert spending is not None
    one.budget.record_actual_cost(spending, 0.1)
    for process in (one, two):
        process.catch_up()
        task = await asked(process, 0.4)
        process.catch_up()
        assert await task is not None
        assert await process.budget.reserve(0.6) is None


async def test_an_entry_that_was_written_twice_counts_once() -> None:
    world = World()
    one = Process(world, calls=2)
    first = await asked(one)
    world.entries.append(world.entries[-1])
    one.catch_up()
    assert await first is not None
    second = await asked(one)
    one.catch_up()
    assert await second is not None


async def test_who_is_over_budget_writes_nothing_down() -> None:
    world = World()
    one = Process(world, calls=1)
    task = await asked(one)
    one.catch_up()
    assert await task is not None
    assert await one.budget.reserve(0.0) is None
    assert len(world.entries) == 1


async def test_a_clock_that_is_ahead_ends_nobodys_hour() -> None:
    world = World()
    one = Process(world, calls=1)
    task = await asked(one)
    one.catch_up()
    assert await task is not None
    hasty = SharedBudget(BudgetWindow(calls=1), one, lambda: world.now + 2 * WINDOW_S)
    hasty.apply(*world.entries[0])
    waiting = asyncio.create_task(hasty.reserve(0.0))
    await asyncio.sleep(0)
    hasty.apply(*world.entries[1])
    assert await waiting is None


@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b"[]", b"no json", b'{"call": 5}', b'{"call": "a", "reserved": -1}']
)
def test_what_is_no_entry_is_left_out(value: bytes | None) -> None:
    process = Process(World(), calls=1)
    process.budget.apply(value, 0.0)
    assert process.budget._window.has_room(0.0, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 900), st.floats(0, 0.5), st.floats(0, 1)), max_size=40),
    st.lists(st.integers(0, 40), max_size=3),
    st.integers(1, 8),
    st.floats(0.5, 3),
)
def test_no_hour_of_all_has_more_calls_or_money_than_allowed(
    calls: list[tuple[int, float, float, float]], kills: list[int], most_calls: int, most_money: float
) -> None:
    """Three processes, each of which may be killed and started again at any time."""

    async def steps() -> None:
        world = World()
        processes = [Process(world, most_calls, most_money) for _ in range(3)]
        made: list[tuple[float, float]] = []
        for number, (who, later, estimated, share) in enumerate(calls):
            world.now += later
            if number in kills:
                processes[who] = Process(world, most_calls, most_money)
            task = await asked(processes[who], estimated)
            processes[who].catch_up()
            spending = await task
            if spending is not None:
                processes[who].budget.record_actual_cost(spending, estimated * share)
                made.append((world.now, estimated * share))
            hour = [cost for at, cost in made if at > world.now - WINDOW_S]
            assert len(hour) <= most_calls
            assert sum(hour) <= most_money + 1e-9

    asyncio.run(steps())


async def test_entries_are_json_that_people_can_read() -> None:
    world = World()
    one = Process(world, calls=1)
    task = await asked(one, 0.25)
    one.catch_up()
    spending = await task
    assert spending is not None
    one.budget.record_actual_cost(spending, 0.125)
    assert [orjson.loads(value) for value, _ in world.entries] == [
        {"call": spending.call_id, "reserved": 0.25},
        {"call": spending.call_id, "cost": 0.125},
    ]
