"""When a token is fetched again, and which one is used meanwhile. Times are plain numbers."""

import pytest
from triage_worker.kafka.tokens.refresh import LONGEST_RETRY_AFTER_S, REFUSABLE_AFTER_S, TokenRefresh
from triage_worker.kafka.tokens.token import Token, TokenError

AWAY = TokenError("away")


def state(token: str = "first", lifetime_s: float = 100, chance: float = 0.5) -> TokenRefresh:
    """A state with a token that was fetched at 0."""
    refresh = TokenRefresh(lambda: chance)
    refresh.fetched(Token(token, lifetime_s), 0)
    return refresh


def test_the_first_token_is_due_at_once() -> None:
    refresh = TokenRefresh()
    assert (refresh.usable(0), refresh.valid_for_s(0)) == (None, 0)
    assert refresh.due_at <= 0


@pytest.mark.parametrize(("chance", "due_at"), [(0.0, 75), (0.5, 80), (1.0, 85)])
def test_the_next_token_is_due_after_four_fifths_of_the_lifetime_give_or_take(chance: float, due_at: float) -> None:
    assert state(chance=chance).due_at == pytest.approx(due_at)


def test_a_token_is_used_until_its_end_if_there_is_no_other() -> None:
    refresh = state()
    refresh.failed(AWAY, 80)
    refresh.failed(AWAY, 90)
    assert (refresh.usable(99.9), refresh.usable(100)) == ("first", None)
    assert refresh.error is AWAY


def test_attempts_become_rarer_but_never_rarer_than_ten_seconds() -> None:
    refresh = state()
    pauses = []
    for _ in range(8):
        refresh.failed(AWAY, 80)
        pauses.append(refresh.due_at - 80)
    assert 0.5 <= pauses[0] <= 1
    assert all(5 <= pause <= 10 for pause in pauses[-3:])


def test_the_issuer_may_ask_for_a_pause_up_to_a_minute() -> None:
    refresh = state()
    for asked_s, pause_s in ((30, 30), (3_600, LONGEST_RETRY_AFTER_S)):
        refresh.failed(TokenError("slow down", asked_s), 80)
        assert refresh.due_at == 80 + pause_s


def test_a_new_token_ends_the_failures() -> None:
    refresh = state()
    refresh.failed(AWAY, 80)
    refresh.fetched(Token("second", 100), 81)
    assert (refresh.usable(82), refresh.error) == ("second", None)
    assert refresh.due_at == pytest.approx(161)


def test_a_refused_token_is_replaced_at_once() -> None:
    refresh = state()
    refresh.refused(50)
    assert (refresh.usable(50), refresh.due_at) == (None, 50)
    refresh.fetched(Token("second", 100), 51)
    assert refresh.usable(51) == "second"


def test_a_refused_token_is_used_on_if_there_is_no_other() -> None:
    """A broker that cannot reach the issuer refuses tokens, too, and accepts them again later."""
    refresh = state()
    refresh.refused(50)
    refresh.failed(AWAY, 51)
    assert refresh.usable(51) == "first"
    due_at = refresh.due_at
    refresh.refused(52)
    assert (refresh.usable(52), refresh.due_at) == ("first", due_at)


def test_a_young_token_is_not_replaced_since_the_next_one_would_be_refused_as_well() -> None:
    refresh = state()
    refresh.refused(REFUSABLE_AFTER_S - 1)
    assert refresh.usable(REFUSABLE_AFTER_S - 1) == "first"
    assert refresh.due_at == pytest.approx(80)


def test_without_a_token_a_refusal_means_nothing() -> None:
    refresh = TokenRefresh()
    refresh.refused(0)
    assert refresh.usable(0) is None
