"""Webhooks are taken from whom they should come from, and from nobody else."""

import base64
from typing import Any

import pytest
from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.open_source import OpenSource
from triage_worker.intake.source_secrets import SourceSecrets
from triage_worker.web.problems import ProblemError

from tests.worker.intake.signing import SECRET, signed

NOW = 1_795_510_800.0
BODY = b'{"text": "where is my parcel"}'
SIGNED = ["plain", "zendesk", "intercom", "front", "chatwoot"]
TIMED = ["plain", "zendesk", "front", "chatwoot"]


def opened(kind: str, **more: Any) -> OpenSource:
    given = {"name": kind, "kind": kind, "secrets": [{"env": "NEW"}, {"env": "OLD"}]} | more
    model = IntakeSourceModel.model_validate(given)
    secrets = SourceSecrets(model, {"NEW": "a-newer-secret", "OLD": SECRET})
    return OpenSource(model, secrets, clock=lambda: 0.0, wall_clock=lambda: NOW)


def check(source: OpenSource, headers: dict[str, str], body: bytes = BODY) -> str:
    """Return the code of the refusal; empty if there is none."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        source.check_body(source.check_headers(lower), body)
    except ProblemError as error:
        return error.code if error.status == 401 else f"{error.status}"
    return ""


@pytest.mark.parametrize("kind", SIGNED)
def test_each_secret_of_a_source_is_right(kind: str) -> None:
    assert check(opened(kind), signed(kind, BODY, NOW)) == ""
    assert check(opened(kind), signed(kind, BODY, NOW, "a-newer-secret")) == ""


@pytest.mark.parametrize("kind", SIGNED)
def test_another_body_or_secret_is_refused(kind: str) -> None:
    headers = signed(kind, BODY, NOW)
    assert check(opened(kind), headers, BODY + b" ") == "wrong_signature"
    assert check(opened(kind), signed(kind, BODY, NOW, "another")) == "wrong_signature"


@pytest.mark.parametrize("kind", SIGNED)
def test_what_is_not_signed_is_refused_before_its_body_is_read(kind: str) -> None:
    source = opened(kind)
    for name in signed(kind, BODY, NOW):
        if name == "X-Front-Request-Timestamp":
            continue  # a rule of Front signs without it
        for value in ("", "x", "sha1=zz", "t=1,v1=zz", "t=,v1=00", "ä"):
            headers = {one.lower(): two for one, two in signed(kind, BODY, NOW).items()} | {name.lower(): value}
            with pytest.raises(ProblemError) as error:
                source.check_headers(headers)
            assert error.value.status == 401


@pytest.mark.parametrize("kind", TIMED)
@pytest.mark.parametrize(("age_s", "code"), [(299, ""), (301, "old_signature"), (-59, ""), (-61, "old_signature")])
def test_a_signature_counts_for_five_minutes(kind: str, age_s: int, code: str) -> None:
    assert check(opened(kind), signed(kind, BODY, NOW - age_s)) == code


@pytest.mark.parametrize("kind", TIMED)
def test_a_signed_time_cannot_be_exchanged(kind: str) -> None:
    old, new = signed(kind, BODY, NOW - 1_000), signed(kind, BODY, NOW)
    for name, value in old.items():
        mixed = new | {name: value.replace("t=1795509800", "t=1795510800")}
        assert check(opened(kind), mixed) in {"old_signature", "wrong_signature"}


def test_a_rule_of_front_signs_without_a_time() -> None:
    digest = bytes.fromhex(signed("intercom", BODY, NOW)["X-Hub-Signature"].removeprefix("sha1="))
    assert check(opened("front"), {"X-Front-Signature": base64.b64encode(digest).decode()}) == ""


def test_several_signatures_of_plain_bodies_are_tried() -> None:
    right = signed("plain", BODY, NOW)["Triage-Signature"]
    time, digest = right.split(",")
    assert check(opened("plain"), {"Triage-Signature": f"{time},v1={'00' * 32},{digest}"}) == ""
    assert check(opened("plain"), {"Triage-Signature": f"{time},{time},{digest}"}) == "no_signature"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Triage-Secret": SECRET}, ""),
        ({"Authorization": f"Bearer {SECRET}"}, ""),
        ({"Authorization": basic("freshdesk", SECRET)}, ""),
        ({"Authorization": basic("another", SECRET)}, "no_secret"),
        ({"Authorization": basic("freshdesk", "wrong")}, "wrong_secret"),
        ({"Authorization": "Basic %%%"}, "no_secret"),
        ({"X-Triage-Secret": SECRET + "x"}, "wrong_secret"),
        ({"X-Triage-Secret": ""}, "wrong_secret"),
        ({}, "no_secret"),
    ],
)
def test_where_nothing_is_signed_the_request_has_the_secret(headers: dict[str, str], code: str) -> None:
    assert check(opened("freshdesk", user="freshdesk"), headers) == code


def test_a_kind_that_signs_can_be_used_without_signatures() -> None:
    source = opened("chatwoot", signed=False, header="X-Old-Chatwoot")
    assert check(source, {"X-Old-Chatwoot": SECRET}) == ""
    assert check(source, {"X-Triage-Secret": SECRET}) == "no_secret"


def test_a_secret_in_a_file_can_be_exchanged(tmp_path: Any) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n")
    model = IntakeSourceModel.model_validate({"name": "a", "kind": "plain", "secrets": [{"file": str(file)}]})
    now = [0.0]
    secrets = SourceSecrets(model, {}, clock=lambda: now[0])
    assert list(secrets.current()) == [b"first"]
    file.write_text("second\n")
    now[0] = 2.0
    assert list(secrets.current()) == [b"second"]
    file.unlink()
    now[0] = 4.0
    assert list(secrets.current()) == [b"second"]


def test_the_rate_of_a_source_is_limited() -> None:
    source = opened("plain", rate=1, burst=2)
    source.take()
    source.take()
    with pytest.raises(ProblemError) as error:
        source.take()
    assert (error.value.status, error.value.headers["Retry-After"]) == (429, "1")
