"""A text that is accepted costs no more for its sentences, and no decision changes by that."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from triage_models.serving.engine import Encoded, Outputs, rows_of
from triage_models.serving.row_outputs import row_outputs

from tests.models.serving.shipped import shipped_classifier, texts

ROWS = st.builds(
    lambda ids, further, sentences: Encoded([ids], False, tuple([one] for one in further), False, sentences),
    st.integers(0, 99),
    st.lists(st.integers(0, 99), max_size=2),
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=1), max_size=3).map(tuple),
)


class Network:
    """A network whose outputs are the first token of a row; it records the rows that it reads."""

    def __init__(self) -> None:
        self.read: list[list[int]] = []

    def run(self, rows: Sequence[Encoded]) -> Outputs:
        assert rows
        self.read += [row.ids for row in rows]
        column = np.array([[row.ids[0]] for row in rows], dtype=np.float32)
        return Outputs(column, column + 100)


def is_refused(row: Encoded) -> bool:
    return row.ids[0] % 2 == 1


def refused(batch: Sequence[Encoded], outputs: Outputs) -> list[bool]:
    assert [row.ids[0] for row in batch] == outputs.logits[:, 0].tolist()
    assert all(row.rows == 1 for row in batch)
    return [is_refused(row) for row in batch]


@given(st.lists(ROWS, min_size=1, max_size=6))
def test_rows_are_in_order_and_sentences_of_accepted_texts_of_one_window_are_not_read(batch: list[Encoded]) -> None:
    network = Network()
    found = row_outputs(batch, network.run, refused)
    expected = []
    unread = 0
    for row in batch:
        skips = not row.further and not is_refused(row)
        unread += len(row.sentences) if skips else 0
        expected += [row.ids[0], *(ids[0] for ids in row.further)]
        expected += [row.ids[0] if skips else ids[0] for ids in row.sentences]
    assert found.logits[:, 0].tolist() == expected
    assert found.similarity[:, 0].tolist() == [one + 100 for one in expected]
    assert len(network.read) == len(rows_of(batch)) - unread


def test_decisions_are_those_of_all_rows() -> None:
    classifier = shipped_classifier()
    short = texts(160)
    stories = [". ".join(short[start : start + 4]) for start in range(0, 160, 4)]
    stories += [f"hello there. thank you. {text}. bye now" for text in short[:40]]
    encoded = classifier.encode([*stories, *short[:20]])
    assert sum(bool(row.sentences) and not row.further for row in encoded) > 20
    every = classifier.decide(encoded, classifier.engine.outputs(rows_of(encoded)))
    needed = classifier.decide(encoded, classifier.infer(encoded))
    single = [row for row, one in zip(every, encoded, strict=True) if one.sentences and not one.further]
    assert {decision.accepted for decision in single} == {True, False}
    for mine, theirs in zip(needed, every, strict=True):
        assert (mine.intent, mine.reason, mine.suggested) == (theirs.intent, theirs.reason, theirs.suggested)
        assert abs(mine.confidence - theirs.confidence) < 1e-5
        assert [one.intent for one in mine.further] == [one.intent for one in theirs.further]
