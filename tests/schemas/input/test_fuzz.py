from typing import get_args

from triage_schemas.input.message import RejectionCode

from tests.schemas.input.fuzz import outcomes


def test_mutated_records_are_read_or_rejected_and_never_raise() -> None:
    counts = outcomes(20_000, seed=7)
    assert counts.total() == 20_000
    assert set(counts) <= {"ok", *get_args(RejectionCode)}
    assert counts["ok"] > 1_000
    assert len(counts) > 8
