from tests.schemas.input.codes import REJECTION_CODES, SKIP_REASONS
from tests.schemas.input.fuzz import outcomes


def test_mutated_records_are_accepted_or_rejected_and_never_raise() -> None:
    counts = outcomes(20_000, seed=7)
    assert counts.total() == 20_000
    assert set(counts) <= {"ok", *REJECTION_CODES, *SKIP_REASONS}
    assert counts["ok"] > 1_000
    assert len(counts) > 8
