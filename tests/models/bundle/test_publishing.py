"""The folder in which a bundle is built: one process at a time."""

from pathlib import Path

import pytest
from triage_models.bundle.bundle import MANIFEST
from triage_models.bundle.publishing import check_output, locked_workspace
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


def test_a_link_is_refused_since_it_would_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "current").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("current", "dangling"):
        with pytest.raises(DataError, match="is a link"):
            check_output(tmp_path / name)


def test_a_bundle_with_a_folder_in_it_is_refused_since_that_would_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    for folder in (tmp_path / "outer", tmp_path / "outer" / "inner"):
        (folder / MANIFEST).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="holds the folder inner"):
        check_output(tmp_path / "outer")
    check_output(tmp_path / "outer" / "inner")
