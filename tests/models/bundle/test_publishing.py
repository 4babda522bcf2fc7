"""The folder in which a bundle is built: one process at a time."""

from pathlib import Path

import pytest
from triage_models.bundle.publishing import locked_workspace
from triage_models.errors import DataError


def test_two_processes_do_not_build_the_same_bundle_at_once(tmp_path: Path) -> None:
    with locked_workspace(tmp_path / "new" / "mine"):
        with (
            pytest.raises(DataError, match=r"Another process is making .*mine: wait until it ends"),
            locked_workspace(tmp_path / "new" / "mine"),
        ):
            pass
        with locked_workspace(tmp_path / "new" / "other"):
            pass
    with locked_workspace(tmp_path / "new" / "mine"):
        pass
    assert not list((tmp_path / "new").iterdir())
