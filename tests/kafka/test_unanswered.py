"""The measure of waits, on waits that are known."""

from dataclasses import astuple

import pytest

from tests.kafka.unanswered import Waits, waits


def test_waits_beyond_the_usual_are_added_up() -> None:
    sent = {(0, 0): 1.0, (0, 1): 2.0, (0, 2): 10.0, (1, 0): 10.0, (0, 3): 11.0, (0, 4): 12.0, (0, 5): 20.0}
    waited = {(0, 0): 0.1, (0, 1): 0.1, (0, 2): 3.1, (1, 0): 0.1, (0, 3): 2.1, (0, 4): 1.3, (0, 5): 9.0}
    answered = {position: at + waited[position] for position, at in sent.items()}
    found = waits(sent, answered, 10.0, 15.0)
    expected = Waits(
        messages=4, usual_s=0.1, waited_s=3.0 + 0.0 + 2.0 + 1.2, late=3, longest_wait_s=3.1, longest_gap_s=0.2
    )
    assert astuple(found) == pytest.approx(astuple(expected))
