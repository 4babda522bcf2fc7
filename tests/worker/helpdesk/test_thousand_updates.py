"""Updates of tickets at helpdesks that fail a third of the time, while people change the same tickets."""

import random
from collections.abc import Iterator

import pytest
from triage_worker.helpdesk.metrics import Outcome

from tests.worker.helpdesk.desks import DESKS, MemoryRecords, connected, event
from tests.worker.helpdesk.standins.base import StandIn

FAULTS = ("500", "503", "429", "429-late", "409", "drop", "lost", "html")
INTENTS = ("WISMO", "DAMAGED_ITEM", "RETURN_REQUEST")
QUEUES = ("claims", "delivery")
NAMES = ("intent", "priority", "group")


def failing(chance: random.Random) -> Iterator[str]:
    """One request of three fails."""
    while True:
        yield chance.choice(FAULTS) if chance.random() < 1 / 3 else "ok"


class People:
    """Agents who change tickets between updates, and while the connector waits for a retry.

    Attributes:
        decided: the value that a person gave last to a ticket's field.
    """

    def __init__(self, server: StandIn, chance: random.Random) -> None:
        self.decided: dict[tuple[int, str], str | None] = {}
        self._server = server
        self._chance = chance

    def act(self, share: float) -> None:
        """Perhaps change a value of some ticket."""
        if self._chance.random() >= share:
            return
        ticket_id = self._chance.choice(list(self._server.desk))
        names = [name for name in NAMES if name in self._server.desk[ticket_id].values]
        name = self._chance.choice(names)
        # Not what a new ticket has: who restores that cannot be told from a write that was not done.
        priority = "low" if self._server.DEFAULTS.get("priority") == "normal" else "normal"
        value = {"intent": "complaint", "priority": priority, "group": "42"}[name]
        if (ticket_id, name) in self.decided or self._server.desk[ticket_id].values[name] == value:
            return
        self._server.by_person(ticket_id, name, value)
        self.decided[ticket_id, name] = value


async def updated(name: str, updates: int, seed: int) -> tuple[StandIn, People, set[Outcome]]:
    """Send updates of many tickets; the connector is replaced now and then, and remembers what the topic has."""
    chance = random.Random(seed)
    server = DESKS[name](failing(chance))
    for number in range(1, updates // 3 + 2):
        server.open(number)
    people, records, outcomes = People(server, chance), MemoryRecords(), set()
    server.faulty = lambda _: people.act(0.2)
    if name == "zendesk":
        server.interrupt = lambda _: people.act(0.1)
    done = 0
    while done < updates:
        async with connected(server, name, records) as desk:
            for _ in range(min(updates - done, 50)):
                people.act(0.2)
                number = chance.choice(list(server.desk))
                made = event(
                    chance.choice(("opened", "updated", "escalated")),
                    of=number,
                    intent=chance.choice(INTENTS),
                    queue=chance.choice(QUEUES),
                    priority=chance.choice(("high", "urgent")),
                )
                outcomes.add(await desk.tickets.update(made))
                done += 1
    return server, people, outcomes


def check(server: StandIn, people: People, updates: int) -> None:
    """No second ticket, and every value that a person decided is still there."""
    assert (server.created, len(server.desk)) == (0, updates // 3 + 1)
    overwritten = {
        place: (value, server.desk[place[0]].values[place[1]])
        for place, value in people.decided.items()
        if server.desk[place[0]].values[place[1]] != value
    }
    assert overwritten == {}
    assert len(people.decided) > updates / 20


@pytest.mark.parametrize("name", DESKS)
async def test_no_second_ticket_and_no_persons_change_overwritten(name: str) -> None:
    server, people, outcomes = await updated(name, 60, seed=1)
    check(server, people, 60)
    assert {"updated", "left_alone"} <= outcomes


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", DESKS)
async def test_a_thousand_updates(name: str, seed: int) -> None:
    server, people, _ = await updated(name, 1_000, seed=seed)
    asked, decided = len(server.calls), len(people.decided)
    print(f"{name}: 1,000 updates, {asked:,} requests, a third of them failed; {decided} values that people decided")
    check(server, people, 1_000)
