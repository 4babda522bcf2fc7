"""The demo without a broker: its sample, its accounting checks, its figures and its settings."""

import io
from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, Decoded, InputShape, Rejected, Source
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.demo.downstream_results import DownstreamResults
from triage_worker.demo.run import run_demo
from triage_worker.demo.sample_records import sample_records
from triage_worker.demo.service_process import environment, secret_environment
from triage_worker.demo.settings import demo_settings
from triage_worker.demo.view import PLAIN_ROWS, PlainView
from triage_worker.demo.worker_results import Outcome, OutcomeKind, SourceOffset, WorkerResults

SAMPLE = 300


def decoded(turns: int = 1) -> list[Decoded]:
    source = Source("customer.messages", 0, 0)
    return [decode(record.value, source, InputShape()) for record in islice(sample_records(), SAMPLE * turns)]


def test_the_sample_is_varied_and_has_records_that_cannot_be_decoded() -> None:
    read = [message for message in decoded() if isinstance(message, CustomerMessage)]
    assert len({message.text for message in read}) == len(read)
    assert len({message.metadata["shop"] for message in read if message.metadata}) == 16
    codes = Counter(message.code for message in decoded() if isinstance(message, Rejected))
    assert codes.total() == SAMPLE - len(read) == 9
    assert len(codes) == 9


def test_the_sample_repeats_with_new_ids() -> None:
    ids = [
        m.message_id for m in decoded(3) if isinstance(m, CustomerMessage) and m.message_id != "customer.messages-0-0"
    ]
    assert len(ids) == len(set(ids))


def test_some_conversations_have_several_messages_and_none_is_repeated() -> None:
    of = [Counter(m.conversation_id for m in decoded(turns) if isinstance(m, CustomerMessage)) for turns in (1, 2)]
    assert sum(count > 1 for name, count in of[0].items() if name) == 15
    assert of[1].keys() > of[0].keys()
    assert all(of[1][name] == count for name, count in of[0].items() if name)


def test_messages_of_a_conversation_share_a_key() -> None:
    for record in islice(sample_records(), 2 * SAMPLE):
        message = decode(record.value, Source("t", 0, 0), InputShape())
        if isinstance(message, CustomerMessage):
            assert record.key == (message.conversation_id.encode() if message.conversation_id else None)


KINDS: tuple[OutcomeKind, ...] = ("accepted", "fallback", "dead letter")


def answered(kind: OutcomeKind, at: float = 2.0) -> Outcome:
    return Outcome(kind, "WISMO", 0.9, None, at)


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 99)), st.sampled_from(KINDS)), st.randoms())
def test_the_check_passes_in_whatever_order_records_are_read(
    kinds: dict[SourceOffset, OutcomeKind], random: Random
) -> None:
    results = WorkerResults()
    steps = [(offset, seen) for offset in kinds for seen in ("message", "outcome")]
    random.shuffle(steps)
    for offset, seen in steps:
        if seen == "message":
            results.add_message(offset, "where is it", 1.0)
        else:
            results.add_outcome(offset, answered(kinds[offset]))
    check = results.check()
    assert check.passes
    assert check.inputs["read"] == results.done == len(results.rows) == len(kinds)
    assert list(check.outputs.values()) == [list(kinds.values()).count(kind) for kind in KINDS]


def test_the_last_line_of_the_demo() -> None:
    results = WorkerResults()
    for offset, kind in enumerate(("accepted", "accepted", "fallback", "dead letter")):
        results.add_message((0, offset), "a", 1.0)
        results.add_outcome((0, offset), answered(kind))  # type: ignore[arg-type]
    assert str(results.check()) == "read 4 = accepted 2 + fallback 1 + dead letters 1"


def test_a_lost_message_fails_the_check() -> None:
    results = WorkerResults()
    results.add_message((0, 0), "a", 1.0)
    assert not results.check().passes
    assert str(results.check()) == "read 1 ≠ accepted 0 + fallback 0 + dead letters 0"


def test_a_second_answer_fails_the_check() -> None:
    results = WorkerResults()
    results.add_message((0, 0), "a", 1.0)
    results.add_outcome((0, 0), answered("accepted"))
    results.add_outcome((0, 0), answered("fallback"))
    assert not results.check().passes
    assert str(results.check()) == "read 1 = accepted 1 + fallback 0 + dead letters 0 (1 answered twice)"


def test_an_outcome_of_no_message_fails_the_check() -> None:
    results = WorkerResults()
    results.add_message((0, 0), "a", 1.0)
    results.add_outcome((0, 7), answered("accepted"))
    assert not results.check().passes


def test_latency_is_from_produced_to_decided() -> None:
    results = WorkerResults()
    for offset in range(100):
        results.add_message((0, offset), "a", 10.0)
        results.add_outcome((0, offset), answered("accepted", 10.0 + offset))
    assert (results.latency(0.5), results.latency(0.99)) == (50.0, 99.0)
    assert results.latency(0.5, first=10) == 5.0


def test_the_rate_leaves_out_the_first_messages() -> None:
    results = WorkerResults()
    for offset in range(30):
        results.add_message((0, offset), "a", float(offset) if offset < 10 else 10.0)
        results.add_outcome((0, offset), answered("accepted", 12.0))
    assert results.rate_after(10) == 10.0
    assert results.rate_after(30) == 0.0


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    results = WorkerResults()
    view = PlainView(Console(file=stream), 100)
    for offset in range(100):
        results.add_message((0, offset), f"message {offset}", 1.0)
        results.add_outcome((0, offset), answered("accepted"))
    view.update(results, DownstreamResults())
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1 + PLAIN_ROWS
    assert lines[1].split() == ["message", "0", "WISMO", "0.900", "accepted"]
    assert "\x1b" not in stream.getvalue()


def test_the_services_do_not_get_the_users_settings() -> None:
    users = Settings(group_id="mine", input_topic="mine", threads=3)
    own = demo_settings(users, "127.0.0.1:9")
    assert (own.group_id, own.input_topic, own.threads) == (None, "customer.messages", 3)
    variables = environment(own)
    assert variables["TRIAGE_BOOTSTRAP_SERVERS"] == "127.0.0.1:9"
    assert set(variables) <= {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("bundle", ["models/bundles/ecommerce", "en=models/bundles/ecommerce,*=runs/other"])
def test_the_services_get_the_users_bundles(bundle: str) -> None:
    own = demo_settings(Settings(bundle=bundle), "127.0.0.1:9")
    assert (
        Settings(bundle=environment(own)["TRIAGE_BUNDLE"]).bundle
        == own.bundle
        == Settings(bundle=bundle).bundle.resolved()
    )


def test_settings_and_secrets_are_apart_and_together_those_that_were_given() -> None:
    secret = {"helpdesk_token": "hush", "schema_registry_token": "hush2", "llm_api_key": "hush3"}
    own = Settings.load(threads=3, **secret)
    assert "hush" not in str(environment(own))
    assert "*" not in str(environment(own))
    assert secret_environment(own) == {variable(name): value for name, value in secret.items()}
    assert environment(own, only_changed=True) == {"TRIAGE_THREADS": "3"}


async def test_an_llm_without_a_model_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="TRIAGE_LLM_MODEL"):
        await run_demo(Settings(llm_url="http://127.0.0.1:1/v1"), 1)
