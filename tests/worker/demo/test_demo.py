import io
from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from triage_schemas.input.decoder import decode
from triage_schemas.input.message import CustomerMessage, InputShape, Rejected, Source
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.demo.cases import Cases
from triage_worker.demo.process import environment
from triage_worker.demo.run import demo, demo_settings
from triage_worker.demo.sample import letters
from triage_worker.demo.tally import Answer, Kind, Place, Tally
from triage_worker.demo.view import PLAIN_ROWS, PlainView

SAMPLE = 300


def decoded(turns: int = 1) -> list[CustomerMessage | Rejected]:
    source = Source("customer.messages", 0, 0)
    return [decode(letter.value, source, InputShape()) for letter in islice(letters(), SAMPLE * turns)]


def test_the_sample_is_varied_and_has_records_that_cannot_be_read() -> None:
    read = [message for message in decoded() if isinstance(message, CustomerMessage)]
    assert len({message.text for message in read}) == len(read)
    assert len({message.metadata["shop"] for message in read if message.metadata}) == 16
    codes = Counter(message.code for message in decoded() if isinstance(message, Rejected))
    assert codes.total() == SAMPLE - len(read) == 9
    assert len(codes) == 9


def test_the_sample_goes_on_with_new_ids() -> None:
    ids = [
        m.message_id for m in decoded(3) if isinstance(m, CustomerMessage) and m.message_id != "customer.messages-0-0"
    ]
    assert len(ids) == len(set(ids))


def test_some_conversations_go_on_and_none_is_taken_up_again() -> None:
    of = [Counter(m.conversation_id for m in decoded(turns) if isinstance(m, CustomerMessage)) for turns in (1, 2)]
    assert sum(count > 1 for name, count in of[0].items() if name) == 15
    assert of[1].keys() > of[0].keys()
    assert all(of[1][name] == count for name, count in of[0].items() if name)


def test_messages_of_a_conversation_share_a_key() -> None:
    for letter in islice(letters(), 2 * SAMPLE):
        message = decode(letter.value, Source("t", 0, 0), InputShape())
        if isinstance(message, CustomerMessage):
            assert letter.key == (message.conversation_id.encode() if message.conversation_id else None)


KINDS: tuple[Kind, ...] = ("accepted", "fallback", "dead letter")


def answered(kind: Kind, at: float = 2.0) -> Answer:
    return Answer(kind, "WISMO", 0.9, None, at)


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 99)), st.sampled_from(KINDS)), st.randoms())
def test_the_law_holds_in_whatever_order_things_are_seen(kinds: dict[Place, Kind], random: Random) -> None:
    tally = Tally()
    steps = [(place, seen) for place in kinds for seen in ("message", "answer")]
    random.shuffle(steps)
    for place, seen in steps:
        if seen == "message":
            tally.read(place, "where is it", 1.0)
        else:
            tally.answer(place, answered(kinds[place]))
    law = tally.law()
    assert law.holds
    assert law.came["read"] == tally.done == len(tally.rows) == len(kinds)
    assert list(law.became.values()) == [list(kinds.values()).count(kind) for kind in KINDS]


def test_the_line_that_the_demo_ends_with() -> None:
    tally = Tally()
    for offset, kind in enumerate(("accepted", "accepted", "fallback", "dead letter")):
        tally.read((0, offset), "a", 1.0)
        tally.answer((0, offset), answered(kind))  # type: ignore[arg-type]
    assert str(tally.law()) == "read 4 = accepted 2 + fallback 1 + dead letters 1"


def test_a_lost_message_breaks_the_law() -> None:
    tally = Tally()
    tally.read((0, 0), "a", 1.0)
    assert not tally.law().holds
    assert str(tally.law()) == "read 1 ≠ accepted 0 + fallback 0 + dead letters 0"


def test_a_second_answer_breaks_the_law() -> None:
    tally = Tally()
    tally.read((0, 0), "a", 1.0)
    tally.answer((0, 0), answered("accepted"))
    tally.answer((0, 0), answered("fallback"))
    assert not tally.law().holds
    assert str(tally.law()) == "read 1 = accepted 1 + fallback 0 + dead letters 0 (1 answered twice)"


def test_an_answer_to_nothing_breaks_the_law() -> None:
    tally = Tally()
    tally.read((0, 0), "a", 1.0)
    tally.answer((0, 7), answered("accepted"))
    assert not tally.law().holds


def test_latency_is_from_produced_to_answered() -> None:
    tally = Tally()
    for offset in range(100):
        tally.read((0, offset), "a", 10.0)
        tally.answer((0, offset), answered("accepted", 10.0 + offset))
    assert (tally.latency(0.5), tally.latency(0.99)) == (50.0, 99.0)
    assert tally.latency(0.5, first=10) == 5.0


def test_the_rate_is_of_what_came_after_the_first() -> None:
    tally = Tally()
    for offset in range(30):
        tally.read((0, offset), "a", float(offset) if offset < 10 else 10.0)
        tally.answer((0, offset), answered("accepted", 12.0))
    assert tally.rate_after(10) == 10.0
    assert tally.rate_after(30) == 0.0


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    tally = Tally()
    view = PlainView(Console(file=stream), 100)
    for offset in range(100):
        tally.read((0, offset), f"message {offset}", 1.0)
        tally.answer((0, offset), answered("accepted"))
    view.update(tally, Cases())
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1 + PLAIN_ROWS
    assert lines[1].split() == ["message", "0", "WISMO", "0.900", "accepted"]
    assert "\x1b" not in stream.getvalue()


def test_the_demos_services_get_nobody_elses_settings() -> None:
    mine = Settings(group_id="mine", input_topic="mine", threads=3)
    ours = demo_settings(mine, "127.0.0.1:9")
    assert (ours.group_id, ours.input_topic, ours.threads) == (None, "customer.messages", 3)
    variables = environment(ours)
    assert variables["TRIAGE_BOOTSTRAP_SERVERS"] == "127.0.0.1:9"
    assert set(variables) <= {variable(name) for name in Settings.model_fields}


async def test_an_llm_without_a_model_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="TRIAGE_LLM_MODEL"):
        await demo(Settings(llm_url="http://127.0.0.1:1/v1"), 1)
