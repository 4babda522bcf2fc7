"""The notebook runs, and prints what is stored in it."""

import re
from pathlib import Path

import pytest

from tests.docs.notebook import printed, stored

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorials" / "ml-engineer.ipynb"
DECIMAL = re.compile(r"\d+\.\d+")


def test_the_notebook_prints_what_is_stored_in_it() -> None:
    for now, then in zip(printed(NOTEBOOK), stored(NOTEBOOK), strict=True):
        assert DECIMAL.sub("#", now) == DECIMAL.sub("#", then), "run: python -m tests.docs.notebook FILE"
        # Processors round differently: without VNNI a confidence of 0.93 was 0.91.
        assert [*map(float, DECIMAL.findall(now))] == pytest.approx([*map(float, DECIMAL.findall(then))], abs=0.05)
