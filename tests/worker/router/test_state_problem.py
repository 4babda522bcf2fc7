"""What ends a router whose tables cannot be read or written."""

from pathlib import Path

from triage_worker.router import service


def test_a_full_disk_under_the_tables_is_explained_and_other_errors_are_not() -> None:
    error = Exception(
        "IO error: No space left on device: While appending to file: /state/v1/tables/rates-0.db/000004.log"
    )
    problem = str(service.state_problem(error, Path("/state")))
    assert "TRIAGE_STATE_DIR=/state" in problem
    assert "No space left on device" in problem
    assert "the temporary folder" in str(service.state_problem(error, None))
    locked = Exception("IO error: While lock file: /state/v1/tables/rates-0.db/LOCK: Resource temporarily unavailable")
    assert "another process uses them" in str(service.state_problem(locked, Path("/state")))
    assert service.state_problem(RuntimeError("a bug"), Path("/state")) is None
