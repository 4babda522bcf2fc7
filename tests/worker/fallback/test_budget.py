"""The shared budget, on a log in memory that each process reads when the test says so."""

import asyncio

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback.budget import WINDOW_S, BudgetWindow, Reservation
from triage_worker.fallback.shared_budget import SharedBudget

Entry = tuple[bytes, float]


class SharedLog:
    """The entries of a log, and its clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.entries: list[Entry] = []


class Process:
    """A process that shares the log; it learns of new entries in `catch_up`."""

    problem = None

    def __init__(self, log: SharedLog, calls: int | None = None, money: float | None = None) -> None:
        self.log = log
        self.budget = SharedBudget(BudgetWindow(calls, money), self, lambda: log.now)
        self._read = 0

    async def append(self, value: bytes) -> None:
        self.append_in_background(value)

    def append_in_background(self, value: bytes) -> None:
        self.log.entries.append((value, self.log.now))

    def catch_up(self) -> None:
        for entry in self.log.entries[self._read :]:
            self.budget.apply(*entry)
        self._read = len(self.log.entries)


async def requested(process: Process, cost: float = 0.0) -> "asyncio.Task[Reservation | None]":
    """A request whose reservation is in the log, unless it was refused at once, and waits to be read back."""
    task = asyncio.create_task(process.budget.reserve(cost))
    await asyncio.sleep(0)
    return task


async def test_the_log_decides_between_simultaneous_requests() -> None:
    log = SharedLog()
    one, two = Process(log, calls=3), Process(log, calls=3)
    tasks = [await requested(process) for process in (one, two, one, two)]
    assert not any(task.done() for task in tasks), "no call before its reservation is read back"
    two.catch_up()
    one.catch_up()
    reservations = await asyncio.gather(*tasks)
    assert [reservation is not None for reservation in reservations] == [True, True, True, False]


async def test_reservations_of_a_killed_process_count_for_an_hour() -> None:
    log = SharedLog()
    killed = Process(log, money=1.0)
    task = await requested(killed, 0.8)
    killed.catch_up()
    assert await task is not None
    successor = Process(log, money=1.0)
    successor.catch_up()
    assert await successor.budget.reserve(0.3) is None
    log.now += WINDOW_S
    later = await requested(successor, 0.3)
    successor.catch_up()
    assert await later is not None


async def test_the_actual_cost_of_a_call_is_known_to_all() -> None:
    log = SharedLog()
    one, two = Process(log, money=1.0), Process(log, money=1.0)
    task = await requested(one, 0.8)
    one.catch_up()
    reservation = await task
    assert reservation is not None
    one.budget.record_actual_cost(reservation, 0.1)
    for process in (one, two):
        process.catch_up()
        task = await requested(process, 0.4)
        process.catch_up()
        assert await task is not None
        assert await process.budget.reserve(0.6) is None


async def test_a_call_that_was_refused_counts_for_no_process() -> None:
    log = SharedLog()
    one, two = Process(log, calls=1, money=1.0), Process(log, calls=1, money=1.0)
    for _ in range(3):
        task = await requested(one, 1.0)
        for process in (one, two):
            process.catch_up()
        reservation = await task
        assert reservation is not None
        assert await two.budget.reserve(0.0) is None
        one.budget.cancel(reservation)
        for process in (one, two):
            process.catch_up()
        assert orjson.loads(log.entries[-1][0]) == {"call": reservation.call_id, "cost": 0.0, "counted": False}
    successor = Process(log, calls=1)
    successor.catch_up()
    task = await requested(successor)
    successor.catch_up()
    assert await task is not None


async def test_an_entry_that_is_stored_twice_counts_once() -> None:
    log = SharedLog()
    one = Process(log, calls=2)
    first = await requested(one)
    log.entries.append(log.entries[-1])
    one.catch_up()
    assert await first is not None
    second = await requested(one)
    one.catch_up()
    assert await second is not None


async def test_a_request_over_budget_stores_nothing() -> None:
    log = SharedLog()
    one = Process(log, calls=1)
    task = await requested(one)
    one.catch_up()
    assert await task is not None
    assert await one.budget.reserve(0.0) is None
    assert len(log.entries) == 1


async def test_a_fast_clock_does_not_end_the_window_early() -> None:
    log = SharedLog()
    one = Process(log, calls=1)
    task = await requested(one)
    one.catch_up()
    assert await task is not None
    fast = SharedBudget(BudgetWindow(calls=1), one, lambda: log.now + 2 * WINDOW_S)
    fast.apply(*log.entries[0])
    waiting = asyncio.create_task(fast.reserve(0.0))
    await asyncio.sleep(0)
    fast.apply(*log.entries[1])
    assert await waiting is None


@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b"[]", b"no json", b'{"call": 5}', b'{"call": "a", "reserved": -1}']
)
def test_an_invalid_entry_is_skipped(value: bytes | None) -> None:
    process = Process(SharedLog(), calls=1)
    process.budget.apply(value, 0.0)
    assert process.budget._window.has_room(0.0, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 900), st.floats(0, 0.5), st.floats(0, 1)), max_size=40),
    st.lists(st.integers(0, 40), max_size=3),
    st.integers(1, 8),
    st.floats(0.5, 3),
)
def test_no_hour_has_more_calls_or_money_than_allowed_over_all_processes(
    calls: list[tuple[int, float, float, float]], kills: list[int], most_calls: int, most_money: float
) -> None:
    """Three processes, each of which may be killed and started again at any time."""

    async def steps() -> None:
        log = SharedLog()
        processes = [Process(log, most_calls, most_money) for _ in range(3)]
        made: list[tuple[float, float]] = []
        for number, (who, later, estimated, share) in enumerate(calls):
            log.now += later
            if number in kills:
                processes[who] = Process(log, most_calls, most_money)
            task = await requested(processes[who], estimated)
            processes[who].catch_up()
            reservation = await task
            if reservation is not None:
                processes[who].budget.record_actual_cost(reservation, estimated * share)
                made.append((log.now, estimated * share))
            hour = [cost for at, cost in made if at > log.now - WINDOW_S]
            assert len(hour) <= most_calls
            assert sum(hour) <= most_money + 1e-9

    asyncio.run(steps())


async def test_entries_are_json_that_people_can_read() -> None:
    log = SharedLog()
    one = Process(log, calls=1)
    task = await requested(one, 0.25)
    one.catch_up()
    reservation = await task
    assert reservation is not None
    one.budget.record_actual_cost(reservation, 0.125)
    assert [orjson.loads(value) for value, _ in log.entries] == [
        {"call": reservation.call_id, "reserved": 0.25},
        {"call": reservation.call_id, "cost": 0.125},
    ]
