"""What bodies of errors say, whatever their form, and that no secret is left in it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.request_profile import RequestProfile

KEY = "sk-proj-4711abcdefgh"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"message": "no credit", "type": "x"}}', "no credit"),
        ('{"error": "no credit"}', "no credit"),
        ('{"message": "no credit"}', "no credit"),
        ('{"detail": "no credit"}', "no credit"),
        ('{"detail": [{"loc": ["body", "model"], "msg": "unknown"}, {"msg": "bad"}]}', "body.model: unknown; bad"),
        ('{"errors": [{"message": "no credit"}]}', "no credit"),
        ('{"success": false, "errors": [{"code": 7, "message": "no credit"}], "messages": []}', "no credit"),
        ('{"error": {"message": "{\\"error\\": {\\"message\\": \\"no credit\\"}}"}}', "no credit"),
        ('{"error": {"message": "{no json"}}', "{no json"),
        ('[{"error": {"message": "no credit"}}]', "no credit"),
        ('{"type": "error", "error": {"type": "invalid_request_error", "message": "no credit"}}', "no credit"),
        ('{"error": {"message": "two\\n  lines\\u0000\\u202e"}}', "two lines"),
        ("<!doctype html><html><head><title>502 Bad &amp; slow</title><style>a</style></head>", "502 Bad & slow"),
        ("<html><title></title><body><script>alert(1)</script><p>Out of <b>order</b></p></body>", "Out of order"),
        ('{"Message": "no credit"}', "no credit"),
        ('{"Response": {"Error": {"Code": "AuthFailure", "Message": "no credit"}}}', "no credit"),
        ('{"fault": {"faultstring": "no credit", "detail": {"errorcode": "x.y"}}}', "no credit"),
        ('{"error": true, "message": "no credit"}', "no credit"),
        ('{"error": 1, "reason": "no credit"}', "no credit"),
        ('{"error": {"code": 5}, "message": "no credit"}', "no credit"),
        ('{"error_code": 17, "error_msg": "no credit"}', "no credit"),
        ('{"base_resp": {"status_code": 1008, "status_msg": "no credit"}, "choices": null}', "no credit"),
        ('{"error": {"message": "{\\"Error\\": {\\"Message\\": \\"no credit\\"}}"}}', "no credit"),
        ("plain words\n", "plain words"),
        ("", ""),
        ("null", ""),
        ("5", ""),
        ("[]", ""),
        ("{}", ""),
        ('{"error": null}', ""),
        ('{"error": {"code": 5}}', ""),
    ],
)
def test_the_words_of_an_error(body: str, words: str) -> None:
    assert ErrorBody.parse(body).words == words


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        ({"code": "content_filter", "type": "x"}, "content_filter", None),
        ({"code": None, "type": "invalid_request_error"}, "invalid_request_error", None),
        ({"code": 402}, "", 402),
        ({"code": "429", "type": "budget_exceeded"}, "budget_exceeded", 429),
        ({"status": "INVALID_ARGUMENT", "code": 400}, "INVALID_ARGUMENT", 400),
        ({"code": "the customer wrote something"}, "", None),
        ({"code": 20015}, "", None),
        ({"code": True}, "", None),
    ],
)
def test_the_code_of_an_error_is_a_name(error: dict[str, Any], code: str, status: int | None) -> None:
    body = ErrorBody.parse(orjson.dumps({"error": error}).decode())
    assert (body.code, body.status) == (code, status)


@pytest.mark.parametrize("nothing", ["None", "null", "", None])
def test_a_parameter_that_is_none_hides_no_words(nothing: str | None) -> None:
    """LiteLLM writes "None" where there is no parameter."""
    error = {"message": "m does not support parameters: ['response_format']", "param": nothing, "type": nothing}
    body = ErrorBody.parse(orjson.dumps({"error": error}).decode())
    assert (body.parameters, body.code) == ((), "")
    adapted = RequestProfile().adapted(body)
    assert adapted is not None
    assert adapted.format == "json_object_with_schema"


@pytest.mark.parametrize("levels", [100, 400, 1000])
@pytest.mark.parametrize("name", ["error", "message", "x"])
def test_a_body_that_is_nested_deeply_has_no_words(name: str, levels: int) -> None:
    body = f'{{"{name}":' * levels + '{"message":"x"}' + "}" * levels
    assert ErrorBody.parse(body).words == ""


def test_words_are_short() -> None:
    assert len(ErrorBody.parse("x" * 10_000).words) == 300


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        (f"key {KEY} is wrong", "key *** is wrong"),
        (f"key {KEY[:9]}***{KEY[-6:]} is wrong", "key *** is wrong"),
        (f"…{KEY[4:12]}…", "…***…"),
        (f"{KEY}{KEY}", "***"),
        ("sk-another-key-1234 and AIzaSyA1234567", "*** and ***"),
        ("key_not_found is a code, and a risk-free one", "key_not_found is a code, and a risk-free one"),
    ],
)
def test_secrets_are_masked_whole_and_in_part(words: str, masked: str) -> None:
    found = ErrorBody(words, code=KEY).without([KEY])
    assert found.words.replace("******", "***") == masked
    assert found.code == "***"


def test_a_short_key_is_no_secret() -> None:
    assert ErrorBody("there is none").without(["none"]).words == "there is none"


@given(st.text(), st.text(min_size=6, max_size=40), st.integers(0, 30), st.integers(6, 40))
def test_no_part_of_a_secret_is_left(before: str, secret: str, start: int, length: int) -> None:
    part = secret[start % (len(secret) - 5) :][:length]
    masked = ErrorBody(f"{before}{part}{before}").without([secret]).words
    assert not any(secret[at : at + 6] in masked.replace("***", "\0") for at in range(len(secret) - 5))


NAMES = st.sampled_from(["error", "message", "detail", "loc", "code", "param", "errors", "status"])
LEAVES = st.none() | st.integers(-(2**53), 2**53) | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_no_body_raises(document: Any) -> None:
    ErrorBody.parse(orjson.dumps(document).decode(errors="replace")).without(["secret"])
