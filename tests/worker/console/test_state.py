"""The state: rows from events, each counted once, whatever order and however often they come."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.console.queries import audit_bound
from triage_worker.console.queries import now as queries
from triage_worker.console.queries.audit_bound import KeptBound, live_bound
from triage_worker.console.queries.conversations import conversation
from triage_worker.console.state.counted import BLOCK, CountedMessages
from triage_worker.console.state.database import Database
from triage_worker.console.state.retention import DAY_MS, prune

from tests.worker.console.filling import NOW, NOW_MS, Topics, audit, intent, label, request, surge, ticket
from tests.worker.fallback.events import event


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "state.sqlite")


@pytest.fixture
def topics(database: Database) -> Topics:
    return Topics(Settings(), database)


async def test_every_message_is_counted_once_by_its_outcome(topics: Topics, database: Database) -> None:
    await topics.events("output_topic", *(intent(offset) for offset in range(5)))
    await topics.events("fallback_topic", event("hm", 5), event("hm", 6))
    await topics.dead_letter(7)
    await topics.events("output_topic", intent(5, decided_by="llm"))
    account = await database.read(queries.account)
    assert (account.offsets, account.answered, account.open, account.holds) == (8, 8, 0, True)
    assert account.outcomes == {"accepted": 5, "refused": 2, "dead_letter": 1}
    [minute] = [one for one in await database.read(lambda state: queries.minutes(state, NOW_MS)) if one.messages]
    assert minute.outcomes == account.outcomes
    assert minute.decided == {"llm": 1}


async def test_what_is_sent_twice_counts_once(topics: Topics, database: Database) -> None:
    for _ in range(3):
        await topics.events("output_topic", intent(1), intent(2))
        await topics.events("fallback_topic", event("hm", 3))
        await topics.dead_letter(4)
        topics.projections.counted.forget()  # as after a restart
    account = await database.read(queries.account)
    assert (account.answered, account.holds) == (4, True)
    assert account.outcomes == {"accepted": 2, "refused": 1, "dead_letter": 1}


async def test_a_gap_is_a_message_without_an_answer(topics: Topics, database: Database) -> None:
    await topics.events("output_topic", intent(1), intent(4))
    account = await database.read(queries.account)
    assert (account.offsets, account.answered, account.open) == (4, 2, 2)


async def test_blocks_of_offsets_join(database: Database) -> None:
    counted = CountedMessages()

    def count(state: sqlite3.Connection) -> list[bool]:
        offsets = (0, BLOCK - 1, BLOCK, 5 * BLOCK + 3, 0)
        added = [counted.add(state, ("t", 0, offset), "model", 1, "accepted") for offset in offsets]
        counted.flush(state)
        return added

    assert await database.write(count) == [True, True, True, True, False]
    account = await database.read(queries.account)
    assert (account.offsets, account.answered) == (5 * BLOCK + 4, 4)


async def test_dead_letters_of_other_services_are_no_messages(topics: Topics, database: Database) -> None:
    await topics.dead_letter(1)
    await topics.dead_letter(2, source_topic="customer.intents")
    assert (await database.read(queries.account)).outcomes["dead_letter"] == 1


async def test_a_correction_is_a_decision_of_its_own(topics: Topics, database: Database) -> None:
    await topics.events("output_topic", intent(1))
    await topics.events("output_topic", intent(1, intent="CANCEL_ORDER", decided_by="human", corrects="WISMO"))
    [message] = await database.read(lambda state: conversation(state, "c-1"))
    assert [(one.decided_by, one.outcome, one.intent) for one in message.decisions] == [
        ("model", "accepted", "WISMO"),
        ("human", "corrected", "CANCEL_ORDER"),
    ]


async def test_tickets_have_their_newest_state_and_can_vanish(topics: Topics, database: Database) -> None:
    await topics.events("tickets_topic", ticket("T-1"), ticket("T-1", queue="claims"), ticket("T-2"))
    rows = await database.read(lambda state: dict(state.execute("SELECT ticket_id, queue FROM tickets").fetchall()))
    assert rows == {"T-1": "claims", "T-2": "delivery"}


async def test_surges_end(topics: Topics, database: Database) -> None:
    await topics.events("alerts_topic", surge())
    assert [one.intent for one in await database.read(queries.surges)] == ["WISMO"]
    await topics.events("alerts_topic", surge(event="ended"))
    assert await database.read(queries.surges) == []


async def test_the_bound_stands_on_the_answers_of_the_audit(topics: Topics, database: Database) -> None:
    await topics.events("review_topic", audit("hm", 500))
    await topics.events("labels_topic", *(label(offset, audited=offset % 20 != 0) for offset in range(200)))
    bound = await database.read(live_bound)
    assert (bound.answers, bound.wrong, bound.waiting) == (200, 10, 1)
    assert 0.85 < bound.least < 0.95 < bound.most < 1.0


async def test_the_bound_is_that_of_the_latest_answers(
    topics: Topics, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_bound, "MOST_ANSWERS", 100)
    await topics.events("labels_topic", *(label(offset, audited=False) for offset in range(100)))
    later = NOW + timedelta(minutes=1)
    right = [label(offset, audited=True, labelled_at=later) for offset in range(100, 200)]
    await topics.events("labels_topic", *right)
    bound = await database.read(live_bound)
    assert (bound.answers, bound.wrong) == (100, 0)


async def test_the_bound_is_computed_again_when_there_are_other_answers(
    topics: Topics, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptBound()

    async def answers(now: int) -> tuple[int, int]:
        bound = await database.read(lambda state: kept.of(state, now))
        return bound.answers, bound.waiting

    await topics.events("labels_topic", *(label(offset, audited=True) for offset in range(10)))
    assert await answers(0) == (10, 0)
    await topics.events("labels_topic", label(10, audited=True))
    await topics.events("review_topic", audit("hm", 500))
    assert await answers(1) == (11, 1)
    monkeypatch.setattr(audit_bound, "MANY", 10)
    await topics.events("labels_topic", label(11, audited=True))
    assert await answers(2) == (12, 1)
    await topics.events("labels_topic", label(12, audited=True))
    await topics.events("review_topic", audit("hm", 501))
    assert await answers(audit_bound.KEPT_MS) == (12, 2), "so many answers take long, and are not added at once"
    assert await answers(audit_bound.KEPT_MS + 2) == (13, 2)


async def test_without_answers_nothing_is_known(database: Database) -> None:
    bound = await database.read(live_bound)
    assert (bound.answers, bound.least, bound.most) == (0, 0.0, 1.0)


async def test_what_is_old_is_deleted_and_what_is_too_much(topics: Topics, database: Database) -> None:
    old = NOW - timedelta(days=8)
    await topics.events("output_topic", *(intent(offset) for offset in range(10)), at=old)
    await topics.events("review_topic", request("old", 20), at=old)
    await topics.events("tickets_topic", ticket("T-1", status="closed", updated_at=old), ticket("T-2", updated_at=old))
    await topics.events("output_topic", *(intent(offset + 10_000) for offset in range(10)))
    await topics.events("review_topic", *(request("new", offset) for offset in range(30, 40)))
    await database.write(lambda state: prune(state, NOW_MS, days=7, rows=6))

    def count(state: sqlite3.Connection, table: str) -> int:
        return int(state.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    tables = ("decisions", "reviews", "tickets", "counted")
    counts = await database.read(lambda state: {table: count(state, table) for table in tables})
    assert counts == {"decisions": 6, "reviews": 6, "tickets": 1, "counted": 1}
    account = await database.read(queries.account)
    assert account.holds
    assert DAY_MS == 86_400_000


async def test_a_state_of_another_version_or_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    first = Database(path)
    await first.write(lambda state: state.execute("INSERT INTO offsets VALUES ('t', 0, 5)"))
    first.close()
    assert await Database(path).read(lambda state: state.execute("SELECT count(*) FROM offsets").fetchone()[0]) == 1
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert await Database(path).read(lambda state: state.execute("SELECT count(*) FROM offsets").fetchone()[0]) == 0
    path.write_bytes(b"no database" * 1000)
    assert await Database(path).read(lambda state: state.execute("SELECT count(*) FROM offsets").fetchone()[0]) == 0


def test_a_state_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="TRIAGE_CONSOLE_STATE"):
        Database(tmp_path / "file" / "state.sqlite")


async def test_a_change_that_fails_changes_nothing(database: Database) -> None:
    def fails(state: sqlite3.Connection) -> None:
        state.execute("INSERT INTO offsets VALUES ('t', 0, 5)")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await database.write(fails)
    assert await database.read(lambda state: state.execute("SELECT count(*) FROM offsets").fetchone()[0]) == 0


@pytest.mark.parametrize("fields", [{}, {"source": 5}, {"source": {"topic": 1}}, {"intent": ["x"]}])
async def test_what_is_no_event_is_left_out(topics: Topics, database: Database, fields: dict[str, object]) -> None:
    for setting in ("output_topic", "fallback_topic", "review_topic", "labels_topic", "tickets_topic", "alerts_topic"):
        topic = getattr(topics.settings, setting)
        read = topics.read(topic, b"{}", [], NOW, b"k")._replace(fields=dict(fields))
        await topics.put(topic, [read])
    assert (await database.read(queries.account)).answered == 0
