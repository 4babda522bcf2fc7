"""What refusals say about the parameters of a request, in the words of servers and gateways, and what follows."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from triage_worker.fallback import prompt
from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.negotiation import Negotiation, Signal
from triage_worker.fallback.request_profile import FORMATS, RequestProfile

from tests.worker.fallback.events import LABELS, event

SCHEMA = prompt.schema(list(LABELS))
MESSAGES = prompt.messages(event())
FIRST = RequestProfile()


def body(profile: RequestProfile) -> dict[str, Any]:
    return profile.body("m", 50, MESSAGES, SCHEMA)


def kinds(profile: RequestProfile) -> tuple[str | None, bool]:
    form = body(profile).get("response_format", {})
    return form.get("type"), "schema" in form or "json_schema" in form


def said(message: str, **more: Any) -> str:
    return orjson.dumps({"error": {"message": message} | more}).decode()


def test_the_strictest_format_is_tried_first_and_refusals_lead_to_the_next() -> None:
    tried, profile = [], FIRST
    for _ in FORMATS:
        tried.append(kinds(profile))
        profile = profile.adapted(ErrorBody.parse("unknown response_format type")) or profile
    assert tried == [("json_schema", True), ("json_object", True), ("json_object", False), (None, False)]
    assert profile.adapted(ErrorBody.parse("unknown response_format type")) is None


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (said("Unsupported parameter: 'max_tokens' is not supported with this model. "
              "Use 'max_completion_tokens' instead.", param="max_tokens", code="unsupported_parameter"),
         {"limit": "max_completion_tokens"}),
        (said("Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is "
              "supported.", param="temperature", code="unsupported_value"), {"temperature": False}),
        (said("temperature is deprecated for this model."), {"temperature": False}),
        (said("This response_format type is unavailable now"), {"format": "json_object_with_schema"}),
        (said("Failed to deserialize the JSON body into the target type: response_format: response_format.type "
              "`json_schema` is unavailable now at line 1 column 1193"), {"format": "json_object_with_schema"}),
        (said("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
         {"format": "json_object_with_schema"}),
        (said("Invalid schema for response_format 'answer': too many enum values", param="response_format"),
         {"format": "json_object_with_schema"}),
        (said("This model does not support structured output"), {"format": "json_object_with_schema"}),
        (said("Unrecognized request argument supplied: response_format"), {"format": "text"}),
        (said("Unknown parameter: 'response_format'.", param="response_format", code="unknown_parameter"),
         {"format": "text"}),
        ('{"detail":[{"type":"extra_forbidden","loc":["body","response_format"],'
         '"msg":"Extra inputs are not permitted"}]}',
         {"format": "text"}),
        ('{"detail":[{"loc":["body","max_tokens"],"msg":"Extra inputs are not permitted"},'
         '{"loc":["body","temperature"],"msg":"Extra inputs are not permitted"}]}',
         {"limit": "max_completion_tokens", "temperature": False}),
        ('{"object":"error","message":"guided decoding is not available","type":"BadRequestError","code":400}',
         {"format": "json_object_with_schema"}),
        ('{"error":"\'response_format.type\' must be \'text\'"}', {"format": "json_object_with_schema"}),
        (said("System role not supported"), {"system_turn": False}),
        (said("Unsupported value: 'messages[0].role' does not support 'system' with this model.",
              param="messages[0].role"), {"system_turn": False}),
        (said("Conversation roles must alternate; a system message is not supported"), {"system_turn": False}),
        ("max_completion_tokens must be used in place of max_tokens", {"limit": "max_completion_tokens"}),
        (said('{"error":{"message":"Use max_completion_tokens","code":400}}'), {"limit": "max_completion_tokens"}),
        ('[{"error":{"code":400,"message":"Unknown name \\"temperature\\"","status":"INVALID_ARGUMENT"}}]',
         {"temperature": False}),
    ],
)  # fmt: skip
def test_a_refusal_that_names_a_parameter_changes_it(words: str, changes: dict[str, Any]) -> None:
    assert FIRST.adapted(ErrorBody.parse(words)) == replace(FIRST, **changes)


@pytest.mark.parametrize(
    "words",
    [
        said("This model's maximum context length is 4097 tokens, and you requested max_tokens of 200"),
        said("'max_tokens' or 'max_completion_tokens' is too large: 200."),
        said("max_tokens must be at most 100", param="max_tokens"),
        said("This request needs more credits, or fewer max_tokens."),
        said("Your credit balance is too low; response_format"),
        said("m is not a valid model ID"),
        said("The prompt was filtered", code="content_filter", param="prompt"),
        "<html><title>Bad request</title>",
        "",
    ],
)
def test_a_refusal_that_is_not_about_the_form_changes_nothing(words: str) -> None:
    assert FIRST.adapted(ErrorBody.parse(words)) is None


@pytest.mark.parametrize(
    "words",
    [
        "the context length is 4096", "context_window", "it is too large", "too long", "too many", "too big",
        "exceeds it", "at most 100", "the maximum is 100",
    ],
)  # fmt: skip
def test_a_complaint_about_a_length_renames_no_parameter(words: str) -> None:
    assert FIRST.adapted(ErrorBody.parse(said(f"max_tokens: {words}", param="max_tokens"))) is None


@pytest.mark.parametrize(
    "words",
    [
        "system role", "system messages", "a system prompt", "System instructions", "the system turn",
        "a role may not be system",
    ],
)  # fmt: skip
def test_a_complaint_about_the_system_turn_leads_to_one_without(words: str) -> None:
    assert FIRST.adapted(ErrorBody.parse(f"no {words}")) == replace(FIRST, system_turn=False)


@pytest.mark.parametrize(
    "words",
    [
        "unknown", "Unrecognized name", "unrecognised", "unexpected", "unsupported parameter", "unsupported field",
        "unsupported argument", "extra input", "not permitted", "additional properties",
    ],
)  # fmt: skip
def test_an_endpoint_that_knows_no_format_at_all_is_asked_without_one(words: str) -> None:
    assert FIRST.adapted(ErrorBody.parse(f"{words}: response_format")) == replace(FIRST, format="text")


@pytest.mark.parametrize(
    "words", ["unknown response_format: json_schema", "unknown response_format json object", "unknown type", "bad"]
)
def test_an_endpoint_that_knows_other_formats_is_asked_in_the_next(words: str) -> None:
    next_format = replace(FIRST, format="json_object_with_schema")
    assert FIRST.adapted(ErrorBody.parse(said(words, param="response_format"))) == next_format
    in_the_name = ErrorBody("unknown parameter", parameters=("response_format.json_schema",))
    assert FIRST.adapted(in_the_name) == next_format


def test_what_a_field_names_counts_more_than_words() -> None:
    assert FIRST.adapted(ErrorBody.parse(said("temperature is fine", param="model"))) is None
    assert FIRST.adapted(ErrorBody("no", parameters=("a", "Temperature"))) == replace(FIRST, temperature=False)
    assert FIRST.adapted(ErrorBody("no", parameters=("max", "tokens"))) is None


def test_what_was_left_out_stays_so() -> None:
    reduced = replace(FIRST, temperature=False, system_turn=False)
    assert reduced.adapted(ErrorBody.parse("no response_format")) == replace(reduced, format="json_object_with_schema")
    renamed = replace(FIRST, limit="max_completion_tokens")
    assert renamed.adapted(ErrorBody.parse("no temperature")) == replace(renamed, temperature=False)


def test_the_request_has_what_its_form_says() -> None:
    assert body(FIRST) == {
        "model": "m",
        "messages": MESSAGES,
        "max_tokens": 50,
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        },
    }
    with_schema = replace(FIRST, format="json_object_with_schema", limit="max_completion_tokens", temperature=False)
    assert body(with_schema) == {
        "model": "m",
        "messages": MESSAGES,
        "max_completion_tokens": 50,
        "response_format": {"type": "json_object", "schema": SCHEMA},
    }
    assert body(replace(FIRST, format="json_object"))["response_format"] == {"type": "json_object"}


def test_the_formats_follow_each_other_in_a_circle() -> None:
    profile, formats = FIRST, []
    for _ in FORMATS:
        profile = profile.with_next_format()
        formats.append(profile.format)
    assert formats == [*FORMATS[1:], FORMATS[0]]


def test_all_formats_begin_with_the_present_one() -> None:
    profile = replace(FIRST, format="json_object")
    assert profile.with_all_formats() == [
        profile,
        FIRST,
        replace(FIRST, format="json_object_with_schema"),
        replace(FIRST, format="text", temperature=False),
    ]
    assert [one.format for one in FIRST.plain.with_all_formats()] == ["text", *FORMATS[:3], "text"]


def test_an_echo_of_the_request_is_not_taken_for_words_about_it() -> None:
    echo = {"detail": [{"loc": ["body", "model"], "msg": "no such model", "input": body(FIRST)}], "body": body(FIRST)}
    assert FIRST.adapted(ErrorBody.parse(orjson.dumps(echo).decode())) is None


def test_a_server_that_knows_the_old_name_only_gets_it_back() -> None:
    renamed = replace(FIRST, limit="max_completion_tokens")
    assert renamed.adapted(ErrorBody.parse("Unknown field max_completion_tokens")) == FIRST


def test_the_last_call_goes_without_a_format_and_the_plainest_asks_for_the_least() -> None:
    assert FIRST.adapted(ErrorBody.parse("temperature?"), last=True) == replace(FIRST, format="text", temperature=False)
    assert set(body(FIRST.plain)) == {"model", "messages", "max_tokens"}
    assert [profile.format for profile in FIRST.with_all_formats()] == list(FORMATS)


def test_without_a_system_turn_the_instruction_comes_first() -> None:
    (turn,) = body(replace(FIRST, system_turn=False))["messages"]
    assert turn["role"] == "user"
    assert turn["content"] == "\n\n".join(message["content"] for message in MESSAGES)
    assert orjson.loads(turn["content"].splitlines()[-1])["message"] == event().text


async def test_one_at_a_time_looks_for_a_form_until_one_is_confirmed() -> None:
    negotiation = Negotiation(Signal())
    assert negotiation.open
    assert negotiation.begin()
    assert not negotiation.begin()
    assert not negotiation.open
    text = replace(FIRST, format="text")
    negotiation.propose(text)
    assert (negotiation.profile, negotiation.confirmed, negotiation.open) == (text, False, False)
    negotiation.confirm(text)
    assert negotiation.open
    negotiation.propose(FIRST)
    assert negotiation.profile == text, "a known form is kept"
    negotiation.end()
    await negotiation.ended()
    negotiation.adopt(text)
    assert negotiation.confirmed
    negotiation.adopt(FIRST)
    assert (negotiation.profile, negotiation.confirmed) == (FIRST, False)
