"""Which failures of an endpoint pass by themselves, and what its refusals say."""

import pytest
from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.errors import RejectedError, UnavailableError
from triage_worker.fallback.refusals import failure, is_transient

USED_UP = [
    "Insufficient funds", "You exceeded your current quota", "Check your billing details", "No credits are left",
    "Your balance is too low", "Budget has been exceeded", "Payment required", "Your prepaid plan has ended",
    "Spend cap reached", "You have reached your usage limit", "Usage-limit reached", "Out of funds",
    "Please top up", "Top-up needed", "The account is in arrears", "The account is not in good standing",
    "The account is suspended", "The account is deactivated", "余额不足", "账户欠费", "请充值",
]  # fmt: skip
TOO_FREQUENT = [
    "Request was throttled", "ThrottlingException", "Rate limit reached", "rate_limit", "Rate exceeded",
    "Too many requests",
]  # fmt: skip
ABOUT_FORMAT = [
    "response_format", "response format", "json_schema", "JSON schema", "JSON object", "json mode",
    "structured output", "structured_outputs", "guided decoding", "the grammar",
]  # fmt: skip


@pytest.mark.parametrize("words", USED_UP)
def test_a_used_up_account_does_not_pass_whatever_the_status(words: str) -> None:
    assert not is_transient(429, ErrorBody(words))
    for status in (400, 403):
        assert not is_transient(status, ErrorBody(f"{words}: rate limit"))


@pytest.mark.parametrize("words", TOO_FREQUENT)
@pytest.mark.parametrize("status", [429, 400, 403])
def test_requests_that_are_too_frequent_pass_whatever_the_status(words: str, status: int) -> None:
    assert is_transient(status, ErrorBody(words))
    assert is_transient(status, ErrorBody("no", code=words))


def test_the_code_tells_a_used_up_account_from_frequent_requests() -> None:
    assert is_transient(429, ErrorBody("Slow down", code="rate_limit"))
    assert not is_transient(429, ErrorBody("Slow down", code="insufficient_quota"))


@pytest.mark.parametrize("words", ABOUT_FORMAT)
def test_a_server_error_that_names_the_format_is_a_refusal_of_it(words: str) -> None:
    assert not is_transient(500, ErrorBody(f"unknown: {words}"))
    assert is_transient(502, ErrorBody(f"unknown: {words}"))


@pytest.mark.parametrize(
    ("status", "passes"),
    [
        *((status, True) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
        *((status, False) for status in (301, 400, 401, 402, 403, 404, 407, 410, 413, 422, 499)),
    ],
)
def test_statuses_that_pass_by_themselves(status: int, passes: bool) -> None:
    assert is_transient(status, ErrorBody("something")) is passes
    error = failure(status, ErrorBody("something"), 7.0)
    assert isinstance(error, UnavailableError if passes else RejectedError)
    assert (str(error).startswith(f"status {status}"), error.retry_after_s) == (True, 7.0)


def test_frequent_requests_are_only_looked_for_where_gateways_refuse_them() -> None:
    for status in (401, 404, 422):
        assert not is_transient(status, ErrorBody("Rate limit"))


@pytest.mark.parametrize(
    ("status", "location", "problem"),
    [
        (400, "", r"status 400"),
        (401, "", r"status 401: check TRIAGE_LLM_API_KEY"),
        (404, "", r"status 404: check that TRIAGE_LLM_URL .* up to /v1, and TRIAGE_LLM_MODEL a model there"),
        (407, "", r"status 407: a proxy on the way asks for a login"),
        (301, "", r"status 301: a redirect to nowhere: check that TRIAGE_LLM_URL .*"),
        (399, "http://b/v1", r"status 399: a redirect to http://b/v1: check that TRIAGE_LLM_URL .*"),
        (300, "http://b/v1", r"status 300: a redirect to http://b/v1: check that TRIAGE_LLM_URL .*"),
        (299, "http://b/v1", r"status 299"),
        (400, "http://b/v1", r"status 400"),
    ],
)
def test_a_refusal_names_what_to_check(status: int, location: str, problem: str) -> None:
    body = ErrorBody("no")
    with pytest.raises(RejectedError, match=f"^{problem}$") as caught:
        raise failure(status, body, None, location)
    assert (caught.value.status, caught.value.body) == (status, body)
