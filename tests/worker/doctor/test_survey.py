"""Which field is the text, the subject and the conversation, in the payloads of many programs."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from triage_worker.config.settings import Settings
from triage_worker.doctor.proposal import Proposal, propose
from triage_worker.doctor.survey import Survey, survey

from tests.models.serving.shipped import texts
from tests.worker.doctor import payloads
from tests.worker.doctor.payloads import as_json, records

Build = Callable[[int, str], Any]


def looked_at(values: Sequence[bytes | None], settings: Settings | None = None) -> tuple[Survey, Proposal]:
    given = records(values)
    found = survey(given)
    return found, propose(settings or Settings(), given, found, None)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (payloads.plain, {}),
        (payloads.chat, {"text_field": "payload.body.text", "conversation_field": "payload.ticket.id"}),
        (
            payloads.zendesk,
            {"text_field": "event.comment.body", "subject_field": "detail.subject", "conversation_field": "detail.id"},
        ),
        (
            payloads.intercom,
            {
                "text_field": "data.item.conversation_parts.conversation_parts.-1.body",
                "conversation_field": "data.item.id",
            },
        ),
        (
            payloads.freshdesk,
            {
                "text_field": "ticket.description_text",
                "subject_field": "ticket.subject",
                "conversation_field": "ticket.id",
            },
        ),
        (payloads.whatsapp, {"text_field": "entry.0.changes.0.value.messages.0.text.body"}),
        (payloads.transcript, {"text_field": "messages.-1.content", "conversation_field": "session.id"}),
        (
            payloads.mail_in_json,
            {"text_field": "inhalt", "subject_field": "betreff", "conversation_field": "threadId"},
        ),
        (
            payloads.debezium,
            {"text_field": "payload.after.text", "conversation_field": "payload.after.conversation_id"},
        ),
        (payloads.debezium_mongodb, {"text_field": "after.message", "conversation_field": "after.thread.id"}),
        (payloads.maxwell, {"text_field": "data.body", "conversation_field": "data.ticket_id"}),
        (payloads.canal, {"text_field": "data.0.content", "conversation_field": "data.0.conversation_id"}),
        (
            payloads.dynamodb,
            {
                "text_field": "dynamodb.NewImage.text.S",
                "conversation_field": "dynamodb.NewImage.conversationId.S",
            },
        ),
    ],
)
def test_the_settings_of_a_payload_are_proposed(build: Build, expected: dict[str, str]) -> None:
    _, proposal = looked_at(as_json(build))
    assert proposal.values == expected
    assert set(expected) <= proposal.reasons.keys()
    messages = proposal.trial.messages
    assert len(messages) + sum(proposal.trial.skipped.values()) == 30
    assert {text for message in messages for text in texts(30) if text in message.text}
    if "conversation_field" in expected or build is payloads.plain:
        assert all(message.conversation_id for message in messages)


@pytest.mark.parametrize("build", [payloads.page_view, payloads.order])
def test_topics_without_messages_get_no_text(build: Build) -> None:
    _, proposal = looked_at(as_json(build))
    assert "text_field" not in proposal.values
    assert proposal.trial.messages == []
    assert proposal.trial.rejected == {"no_text": 30}


def test_whole_values_are_e_mails_or_plain_text() -> None:
    found, proposal = looked_at([payloads.email(number, text) for number, text in enumerate(texts(30))])
    assert (found.main, proposal.values) == ("email", {"input_format": "email"})
    assert len(proposal.trial.messages) == 30
    found, proposal = looked_at([text.encode() for text in texts(30)])
    assert (found.main, proposal.values) == ("text", {"input_format": "text"})
    assert found.natural > 0.5
    assert looked_at([f"{number}".encode() for number in range(30)])[0].natural == 0


@pytest.mark.parametrize("values", [payloads.garbage(), payloads.compressed(), payloads.xml()])
def test_what_no_format_reads_gets_no_settings(values: list[bytes | None]) -> None:
    found, proposal = looked_at(values)
    assert found.main is None
    assert proposal.values == {}
    assert proposal.trial.messages == []


def test_the_settings_are_for_what_most_records_are_and_the_others_are_counted() -> None:
    values = [*as_json(payloads.chat, 20), b"hello there", None, b"", b'{"payload": {"body": {"text": " "}}}']
    found, proposal = looked_at(list(values))
    assert found.kinds == {"json": 21, "text": 1, "null": 1, "empty": 1}
    assert proposal.values["text_field"] == "payload.body.text"
    assert proposal.trial.rejected == {"not_json": 1, "null_value": 1, "empty_value": 1, "text_blank": 1}
    assert set(proposal.trial.explanations) == set(proposal.trial.rejected)


def test_what_somebody_has_set_stays_where_it_reads_as_much() -> None:
    def two_texts(number: int, text: str) -> Any:
        return {"message": text, "english": text.upper(), "thread": number, "conversation": {"id": number}}

    values = list(as_json(two_texts))
    _, proposal = looked_at(values, Settings.load(text_field="english", conversation_field="thread"))
    assert proposal.values == {}
    assert "set already (flag)" in proposal.reasons["text_field"]
    assert proposal.trial.messages[0].text.isupper()
    _, proposal = looked_at(values, Settings.load(text_field="txet", conversation_field="nothing", input_format="text"))
    assert proposal.values["text_field"] == "message"
    assert proposal.values["conversation_field"] == "conversation.id"
    assert proposal.values["input_format"] == "json"
    assert "TRIAGE_TEXT_FIELD=txet (flag) reads 0" in proposal.reasons["text_field"]


def test_the_field_that_is_read_by_default_stays_where_another_is_as_likely() -> None:
    assert looked_at(as_json(lambda _, text: {"comment": text[::-1] + " no", "text": text}))[1].values == {}
    _, proposal = looked_at(as_json(lambda _, text: {"comment": text, "text": "ok"}))
    assert proposal.values == {"text_field": "comment"}


def test_names_are_no_proof_and_words_without_a_name_are_enough() -> None:
    def odd(number: int, text: str) -> Any:
        return {"v1": text, "text": f"SKU-{number}", "body": "https://shop.example.com/a", "comment": "yes"}

    _, proposal = looked_at(list(as_json(odd)))
    assert proposal.values == {"text_field": "v1"}


def test_text_in_scripts_without_blanks_is_text() -> None:
    japanese = [
        "注文した商品がまだ届きません",
        "返品したいのですがどうすればいいですか",
        "サイズを交換できますか",
        "壊れていました",
    ]
    _, proposal = looked_at(list(as_json(lambda _, text: {"naiyo": text, "no": "123"}, messages=japanese)))
    assert proposal.values == {"text_field": "naiyo"}


def test_the_order_of_fields_and_records_changes_nothing() -> None:
    rng = random.Random(3)
    values = as_json(payloads.zendesk)
    expected = looked_at(list(values))[1].values

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            pairs = [(name, shuffled(inner)) for name, inner in value.items()]
            rng.shuffle(pairs)
            return dict(pairs)
        return value

    for _ in range(3):
        rng.shuffle(values)
        assert looked_at([json.dumps(shuffled(json.loads(value))).encode() for value in values])[1].values == expected


def test_what_agents_and_bots_wrote_is_pointed_out() -> None:
    def both(number: int, text: str) -> Any:
        return {"text": text, "direction": "outbound" if number % 3 == 0 else "inbound"}

    found, _ = looked_at(list(as_json(both)))
    assert found.writers is not None
    field, values = found.writers
    assert (field.name, values) == ("direction", ["outbound"])
    assert looked_at(as_json(payloads.chat))[0].writers is None
    found, _ = looked_at(as_json(lambda number, text: {"text": text, "is_staff": number % 2 == 0}))
    assert found.writers is not None
    assert found.writers[0].name == "is_staff"


def test_fields_that_are_read_at_the_top_only_are_named_where_they_are_elsewhere() -> None:
    found, _ = looked_at(list(as_json(payloads.zendesk)))
    assert {one.role: one.field.name for one in found.others()} == {
        "message_id": "event.comment.id",
        "customer_id": "detail.requester_id",
        "channel": "detail.via.channel",
        "created_at": "time",
    }
    assert looked_at(list(as_json(payloads.plain)))[0].others() == []


def test_json_behind_longer_frames_is_read_by_the_format_that_takes_them_off() -> None:
    values = [b"\x00" + bytes(7) + b"\x09" + value for value in as_json(payloads.plain)]
    found, proposal = looked_at(list(values))
    assert found.kinds == {"framed_json": 30}
    assert proposal.values == {"input_format": "json_schema"}
    short = [b"\x00" + bytes(3) + b"\x09" + value for value in as_json(payloads.plain)]
    assert looked_at(list(short))[1].values == {}


def test_values_that_need_a_registry_say_so() -> None:
    found, proposal = looked_at([b"\x00\x00\x00\x00\x07\x0ahello"] * 20)
    assert found.main is None
    assert dict(found.details["framed"]) == {"schema 7": 20}
    assert proposal.trial.messages == []
