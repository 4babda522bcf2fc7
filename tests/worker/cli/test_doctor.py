"""``triage doctor``: what it prints, writes and exits with; reading a real topic is in tests/kafka/test_doctor.py."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.doctor import gathering, overview
from triage_worker.doctor.checks import Check
from triage_worker.doctor.gathering import Gathered, NothingToReadError, RegistryAnswers
from triage_worker.doctor.overview import TopicLine
from triage_worker.doctor.sampling import Sample

from tests.worker.cli.result import Triage, refused
from tests.worker.doctor import payloads
from tests.worker.doctor.payloads import SPANISH, as_json, records

TOPIC = ("doctor", "--topic", payloads.TOPIC, "--threads", "1")
PERSONAL = "my card 4111 1111 1111 1111 was charged twice, mail me at ana.silva@example.com"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the command read given values."""

    def given(values: Sequence[bytes | None], *checks: Check) -> list[Settings]:
        asked: list[Settings] = []

        async def gather(settings: Settings, count: int, timeout_s: float) -> Gathered:
            asked.append(settings)
            places = {TopicPartition(payloads.TOPIC, number): 0 for number in range(3)}
            sample = Sample(payloads.TOPIC, places, dict.fromkeys(places, 400), records(values)[-count:])
            return Gathered(sample, Counter({"zstd": 3}), RegistryAnswers(), list(checks))

        monkeypatch.setattr(gathering, "gather", gather)
        return asked

    return given


def test_a_newcomer_gets_settings_decisions_and_what_to_do_next(triage: Triage, reads: Any) -> None:
    reads([*as_json(payloads.chat, 20), *as_json(payloads.chat, messages=[PERSONAL]), b"{", None])
    ran = triage(*TOPIC)
    assert ran.code == 0, ran.err
    assert "the last 23 records of 1,200 in 3 partitions" in ran.out
    assert "\nTRIAGE_INPUT_TOPIC=shop.messages\n" in ran.out
    assert "\nTRIAGE_TEXT_FIELD=payload.body.text\n" in ran.out
    assert "\nTRIAGE_CONVERSATION_FIELD=payload.ticket.id\n" in ran.out
    assert "21 of 23 records are messages" in ran.out
    assert "1 would be a dead letter: not_json" in ran.out
    assert "1 would be a dead letter: null_value" in ran.out
    assert "compressed by zstd" in ran.out
    assert "accepted (" in ran.out
    assert "triage topics create" in ran.out
    assert "4111" not in ran.out
    assert "ana.silva" not in ran.out
    decisions = ran.out.partition("\nDecisions")[2].partition("\n\n")[0].splitlines()
    assert len(decisions) == 7, "heading, header and five decisions"


def test_json_has_the_same_and_no_personal_data(triage: Triage, reads: Any) -> None:
    reads([*as_json(payloads.zendesk, 20), *as_json(payloads.zendesk, messages=[PERSONAL] * 10)])
    ran = triage(*TOPIC, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["settings"] == {
        "TRIAGE_INPUT_TOPIC": "shop.messages",
        "TRIAGE_TEXT_FIELD": "event.comment.body",
        "TRIAGE_SUBJECT_FIELD": "detail.subject",
        "TRIAGE_CONVERSATION_FIELD": "detail.id",
        "TRIAGE_THREADS": "1",
    }
    assert found["based_on"].keys() >= found["settings"].keys()
    assert found["kinds"][0]["kind"] == "json"
    assert found["messages"] == 30
    assert found["accepted"] + sum(count for verdict, count in found["verdicts"].items() if verdict != "accepted") == 30
    assert 1 <= len(found["decisions"]) <= 5
    assert {"text", "intent", "confidence", "accepted", "reason", "language"} == found["decisions"][0].keys()
    assert [field["path"] for field in found["fields"]][:3] == ["type", "account_id", "id"]
    for secret in ("4111", "ana.silva", *payloads.NAMES):
        assert secret not in ran.out


def test_the_settings_are_written_and_then_none_are_needed(triage: Triage, reads: Any, tmp_path: Path) -> None:
    reads(as_json(payloads.debezium))
    ran = triage("doctor", "--bootstrap", "kafka-1:9092", "--topic", payloads.TOPIC, "--write", ".env")
    assert ran.code == 0, ran.err
    assert "Settings, written to .env" in ran.out
    assert (tmp_path / ".env").read_text().splitlines() == [
        "TRIAGE_BOOTSTRAP_SERVERS=kafka-1:9092",
        "TRIAGE_INPUT_TOPIC=shop.messages",
        "TRIAGE_TEXT_FIELD=payload.after.text",
        "TRIAGE_CONVERSATION_FIELD=payload.after.conversation_id",
    ]
    again = triage("doctor")
    assert again.code == 0, again.err
    assert "None are needed" in again.out
    assert "TRIAGE_TEXT_FIELD" not in again.out.partition("Settings")[2].partition("With them")[0].replace("_stays", "")


def test_another_bundle_is_proposed_for_other_languages(triage: Triage, reads: Any) -> None:
    reads([*as_json(payloads.plain, 10), *as_json(payloads.plain, messages=SPANISH * 2)])
    ran = triage(*TOPIC, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["languages"]["es"] >= 8
    assert found["bundle_languages"] == ["en", "hi"]
    assert found["settings"]["TRIAGE_BUNDLE"].endswith("ecommerce-multilingual")
    assert found["verdicts"].get("unsupported_language", 0) == 0
    kept = json.loads(triage(*TOPIC, "--json", "--bundle", str(Settings().bundle)).out)
    assert "TRIAGE_BUNDLE" not in kept["settings"]
    assert kept["verdicts"]["unsupported_language"] >= 8


@pytest.mark.parametrize("values", [as_json(payloads.page_view), payloads.garbage(), payloads.xml()])
def test_a_topic_without_messages_has_an_exit_code_of_its_own(triage: Triage, reads: Any, values: list[bytes]) -> None:
    reads(values)
    ran = triage(*TOPIC)
    assert ran.code == 1, ran.err
    assert "No record is a message by any settings" in ran.out
    assert "\nTRIAGE_" not in ran.out
    assert "Decisions" not in ran.out


def test_messages_without_a_conversation_could_be_grouped_by_customer(triage: Triage, reads: Any) -> None:
    reads(as_json(payloads.whatsapp, 10))
    ran = triage(*TOPIC, "--json")
    assert ran.code == 0, ran.err
    messages = [check["message"] for check in json.loads(ran.out)["checks"]]
    field = "entry.0.changes.0.value.messages.0.from"
    assert any(f"TRIAGE_CONVERSATION_FIELD={field} would group them by customer" in message for message in messages)


def test_what_stops_the_worker_is_an_error_and_comes_first(triage: Triage, reads: Any) -> None:
    reads(as_json(payloads.plain), Check("ok", "fine"), Check("error", "customer.intents is compacted"))
    ran = triage(*TOPIC)
    assert ran.code == 1
    checks = ran.out.partition("\nChecks\n")[2].splitlines()
    assert checks[0].split() == ["error", "customer.intents", "is", "compacted"]


def test_nothing_to_read_is_one_sentence(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gather(settings: Settings, count: int, timeout_s: float) -> Gathered:
        raise NothingToReadError("The topic t is empty.")

    monkeypatch.setattr(gathering, "gather", gather)
    ran = triage(*TOPIC)
    assert (ran.code, ran.out, ran.err) == (1, "", "triage: The topic t is empty.\n")


def test_without_a_topic_the_topics_are_listed(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def list_topics(settings: Settings, timeout_s: float) -> list[TopicLine]:
        return [
            TopicLine("chat", 12, 1_234, True, "JSON objects, a text in body"),
            TopicLine("x", 1, 0, False, "empty"),
        ]

    monkeypatch.setattr(overview, "list_topics", list_topics)
    ran = triage("doctor", "--bootstrap", "kafka:9092")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "  triage doctor --bootstrap kafka:9092 --topic chat"
    found = json.loads(triage("doctor", "--json").out)
    assert [topic["topic"] for topic in found["topics"] if topic["looks_like_messages"]] == ["chat"]
    refused(triage("doctor", "--write", ".env"), "--write needs a topic")


def test_several_topics_are_looked_at_one_by_one(triage: Triage) -> None:
    for topics in ("shop.chat,shop.mail", r"^shop\..*"):
        refused(triage("doctor", "--topic", topics), "One topic is looked at")


def test_a_topic_is_read_as_its_source_says(triage: Triage, reads: Any, tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(
        "sources:\n  - topic: [shop.messages]\n    text_field: text\n    id_field: payload.id\n  - topic: other\n"
    )
    (tmp_path / ".env").write_text("TRIAGE_SOURCES=sources.yaml\nTRIAGE_TEXT_FIELD=elsewhere\n")
    asked = reads(as_json(payloads.chat))
    ran = triage(*TOPIC)
    assert ran.code == 0, ran.err
    assert (asked[0].input_topic, asked[0].text_field, asked[0].id_field) == (payloads.TOPIC, "text", "payload.id")
    assert "Settings, for the topic's source in sources.yaml" in ran.out
    assert "TRIAGE_TEXT_FIELD=text (sources.yaml) reads 0" in ran.out
    assert "\nTRIAGE_TEXT_FIELD=payload.body.text\n" in ran.out
    assert "TRIAGE_INPUT_TOPIC" not in ran.out
    assert "triage sources check" in ran.out
    refused(triage(*TOPIC, "--write", ".env"), "sources.yaml has those of each topic")


def test_further_fields_are_named_with_their_settings(triage: Triage, reads: Any) -> None:
    reads(as_json(payloads.zendesk))
    out = " ".join(triage(*TOPIC).out.split())
    assert "TRIAGE_ID_FIELD=event.comment.id, TRIAGE_CUSTOMER_FIELD=detail.requester_id" in out
    assert "Not read: created_at (here time), which is read at the top level only" in out


def test_fields_that_a_setting_leads_to_are_read(triage: Triage, reads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reads(as_json(payloads.zendesk))
    monkeypatch.setenv("TRIAGE_CUSTOMER_FIELD", "detail.requester_id")
    assert json.loads(triage(*TOPIC, "--json").out)["not_read"].keys() == {"message_id", "channel", "created_at"}


def test_no_broker_is_one_sentence(triage: Triage) -> None:
    refused(triage("doctor", "--bootstrap", "127.0.0.1:1", "--topic", "t"), "No broker answers at 127.0.0.1:1")
    refused(triage("doctor", "--bootstrap", "127.0.0.1:1"), "No broker answers at 127.0.0.1:1")


@pytest.mark.parametrize("columns", ["80", "120"])
def test_no_line_is_wider_than_the_terminal(
    triage: Triage, reads: Any, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    reads([*as_json(payloads.intercom, 20), b"{", b"hello"])
    ran = triage(*TOPIC)
    assert ran.code == 0, ran.err
    pasted = [line for line in ran.out.splitlines() if line.startswith(("# ", "TRIAGE_"))]
    others = [line for line in ran.out.splitlines() if line not in pasted]
    assert max(len(line.rstrip()) for line in others) <= int(columns)
