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
