"""The measure of waits, on waits that are known."""

import pytest

from tests.kafka.unanswered import Waits, waits


def test_waits_beyond_the_usual_are_added_up() -> None:
    sent = {(0, 0): 1.0, (0, 1): 2.0, (0, 2): 10.0, (1, 0): 10.0, (0, 3): 11.0, (0, 4): 12.0, (0, 5): 20.0}
    waited = {(0, 0): 0.1, (0, 1): 0.1, (0, 2): 3.1, (1, 0): 0.1, (0, 3): 2.1, (0, 4): 1.3, (0, 5): 9.0}
    answered = {position: at + waited[position] for position, at in sent.items()}
    assert waits(sent, answered, 10.0, 15.0) == Waits(
        messages=4,
        usual_s=pytest.approx(0.1),
        waited_s=pytest.approx(3.0 + 0.0 + 2.0 + 1.2),
        late=3,
        longest_wait_s=pytest.approx(3.1),
        longest_gap_s=pytest.approx(0.2),
    )
