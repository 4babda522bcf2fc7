"""The picture of docs/cost.md is drawn from the prices and assumptions that the command has."""

from deploy.cost.plot import PLOT, draw


def test_the_picture_is_of_these_prices() -> None:
    assert draw() == PLOT.read_text(encoding="utf-8"), "run: python -m deploy.cost.plot"
