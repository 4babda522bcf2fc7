"""What counts as a token, and how long it lasts."""

import json
from base64 import urlsafe_b64encode

import pytest
from triage_worker.kafka.tokens.token import ASSUMED_LIFETIME_S, Token, TokenError, jwt_lifetime_s, new_token

NOW = 1_750_000_000.0


def jwt(claims: object) -> str:
    middle = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("value", "lifetime_s"),
    [
        (jwt({"exp": NOW + 90}), 90),
        (jwt({"exp": NOW - 5}), -5),
        (jwt({"sub": "me"}), None),
        (jwt([1]), None),
        ("opaque", None),
        ("not.base64!.x", None),
        ("a.AAAA.x", None),
    ],
)
def test_a_jwt_says_when_it_ends(value: str, lifetime_s: float | None) -> None:
    assert jwt_lifetime_s(value, NOW) == lifetime_s


@pytest.mark.parametrize(
    ("value", "given_s", "lifetime_s"),
    [
        (jwt({"exp": NOW + 90}), 30.0, 30),
        (jwt({"exp": NOW + 90}), None, 90),
        ("opaque", None, ASSUMED_LIFETIME_S),
        (" opaque\n", 7.0, 7),
    ],
)
def test_a_token_lasts_as_long_as_the_issuer_says_or_else_itself(
    value: str, given_s: float | None, lifetime_s: float
) -> None:
    assert new_token(value, given_s, NOW, "It") == Token(value.strip(), lifetime_s)


@pytest.mark.parametrize("value", ["", "two words", "a\x01b", "tökën", None, b"bytes", 7])
def test_what_is_no_token_is_refused_and_not_shown(value: object) -> None:
    with pytest.raises(TokenError, match=r"^It gave no token, but something else") as caught:
        new_token(value, None, NOW, "It")
    assert "two" not in str(caught.value)


def test_a_token_that_has_ended_is_refused() -> None:
    with pytest.raises(TokenError, match="ended 5 s ago: see whether the clocks are right"):
        new_token(jwt({"exp": NOW - 5}), None, NOW, "It")


def test_a_token_is_never_shown() -> None:
    assert "hush" not in repr(Token("hush", 1.0))
