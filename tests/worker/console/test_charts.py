"""The layout of charts, inside the frame, in proportion and readable at the axis; and how bounds are written."""

import pytest
from triage_worker.console.shared.charts import HEIGHT, LEFT, TOP, WIDTH, stacked
from triage_worker.console.shared.templates_environment import at_least, at_most


def test_bars_are_stacked_in_proportion_and_stay_inside() -> None:
    chart = stacked([[("a", 30), ("b", 10)], [("a", 0), ("b", 0)], [("a", 5), ("b", 40)]], ["1", "2", "3"])
    first, second, *_ = chart.bars
    assert first.height == pytest.approx(3 * second.height, abs=0.2)
    assert second.y + second.height == pytest.approx(first.y, abs=0.2)
    assert len(chart.bars) == 4, "nothing is drawn for zero"
    for bar in chart.bars:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= WIDTH
        assert bar.y >= TOP - 0.1
        assert bar.y + bar.height <= HEIGHT


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 7, 50, 51, 137, 999, 1_001, 123_456])
def test_the_axis_ends_at_a_round_number_that_is_not_much_larger(largest: int) -> None:
    chart = stacked([[("a", largest)]], ["1"])
    top = int(chart.rows[-1].text.replace(",", ""))
    assert largest <= top <= max(2, 2 * largest)
    assert int(chart.rows[1].text.replace(",", "")) * 2 == top


def test_the_last_column_has_a_label() -> None:
    chart = stacked([[("a", 1)]] * 60, [str(number) for number in range(60)])
    assert [tick.text for tick in chart.columns] == ["9", "19", "29", "39", "49", "59"]
    assert all(LEFT < tick.at < WIDTH for tick in chart.columns)


def test_no_column_is_no_error() -> None:
    assert stacked([], []).bars == []


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.9666, "96.6 %", "96.7 %"), (0.97, "97.0 %", "97.0 %"), (1.0, "100.0 %", "100.0 %")]
)
def test_bounds_claim_no_more_than_is_known(share: float, least: str, most: str) -> None:
    assert (at_least(share), at_most(share)) == (least, most)
