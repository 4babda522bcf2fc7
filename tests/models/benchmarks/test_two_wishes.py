"""Tests of the measure of two wishes (`triage_models.benchmarks.two_wishes`)."""

from triage_models.benchmarks.two_wishes import exact, f1, seconds, table
from triage_models.data.two_wishes import WishRow
from triage_models.serving.decision import Decision, Wish


def _found(*intents: str) -> Decision:
    first, *further = intents
    return Decision(
        first, 0.9, True, None, {first: 0.9}, 0.9, False, further=tuple(Wish(intent, 0.8) for intent in further)
    )


ROWS = [
    WishRow("a", "WISMO", "OTHER", "en"),
    WishRow("b", "WISMO", "OTHER", "es"),
    WishRow("c", "WISMO", None, "en"),
    WishRow("d", "WISMO", None, "es"),
]
DECISIONS = [_found("OTHER", "WISMO"), _found("WISMO"), _found("WISMO"), _found("WISMO", "OTHER")]


def test_the_order_of_wishes_does_not_matter() -> None:
    assert exact(ROWS[:2], DECISIONS[:2]) == 0.5


def test_f1_counts_wishes() -> None:
    assert f1(ROWS, DECISIONS) == 2 * 5 / (6 + 6)


def test_false_seconds() -> None:
    assert seconds(DECISIONS[2:]) == 0.5


def test_the_table_has_a_line_for_each_language() -> None:
    lines = [line.split() for line in table(ROWS, DECISIONS)][1:]
    assert [line[0] for line in lines] == ["all", "en", "es"]
    assert lines[1][1:] == ["1", "1.000", "1.000", "1", "0.000", "1.000"]
