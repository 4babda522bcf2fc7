"""Saving rules: as a whole or not at all, never over what somebody else has saved, and read by a running router."""

import multiprocessing
import os
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.routing.routes_file import RoutesFile, RulesError, read
from triage_worker.routing.saving import ChangedMeanwhileError, is_writable, save

OLD = "rules: [{name: a, then: {queue: old}}]\n"
NEW = "rules: [{name: a, then: {queue: new}}]\n"
FORK = multiprocessing.get_context("forkserver")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "routes.yaml"
    path.parent.mkdir()
    path.write_text(OLD)
    path.chmod(0o640)
    return path


def test_a_saved_file_is_read_by_the_router(file: Path) -> None:
    router = RoutesFile(file)
    before = router.digest
    saved = save(file, NEW.replace("\n", "\r\n"), opened=read(file).digest)
    assert file.read_text() == saved.text == NEW
    assert saved == read(file)
    assert router.refresh()
    assert router.routes.rules[0].then.queue == "new"
    assert router.digest == saved.digest != before
    assert file.stat().st_mode & 0o777 == 0o640
    assert {one.name for one in file.parent.iterdir()} == {"routes.yaml", ".routes.yaml.lock"}


def test_the_file_behind_a_link_is_replaced_and_the_link_stays(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    save(link, NEW, opened=read(link).digest)
    assert link.is_symlink()
    assert file.read_text() == NEW


def test_what_somebody_else_saved_stays(file: Path) -> None:
    opened = read(file).digest
    save(file, NEW, opened=opened)
    with pytest.raises(ChangedMeanwhileError, match="changed by somebody else"):
        save(file, OLD + "# mine\n", opened=opened)
    assert file.read_text() == NEW


def test_rules_that_are_not_valid_are_not_saved(file: Path) -> None:
    with pytest.raises(RulesError, match="line 1: ruls: not known here") as refused:
        save(file, "ruls: []\n", opened=read(file).digest)
    assert refused.value.line == 1
    assert file.read_text() == OLD


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_after_an_error_the_old_file_is_there(file: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    opened = read(file).digest
    where: object = os if failing == "fsync" else Path
    monkeypatch.setattr(where, failing, full)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\), and is as it was"):
        save(file, NEW, opened=opened)
    assert file.read_text() == OLD
    assert {one.name for one in file.parent.iterdir()} == {"routes.yaml", ".routes.yaml.lock"}


def saved_once(file: Path, number: int, opened: str) -> None:
    """Save in another process; exits with 1 if somebody was faster."""
    try:
        save(file, OLD + f"# {number}\n", opened=opened)
    except ChangedMeanwhileError:
        raise SystemExit(1) from None


def test_of_several_processes_exactly_one_saves(file: Path) -> None:
    opened = read(file).digest
    processes = [FORK.Process(target=saved_once, args=(file, number, opened)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    codes = [process.exitcode for process in processes]
    assert sorted(code for code in codes if code is not None) == [0, 1, 1, 1]
    assert file.read_text() == OLD + f"# {codes.index(0)}\n"


def test_a_file_is_not_writable_where_its_folder_is_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_writable(file)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != file.parent)
    assert not is_writable(file), "a ConfigMap, whose folder is mounted read-only"


def test_errors_of_reading_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# \xe9")
    for name, why in (("latin", "it is not UTF-8"), ("none", "No such file or directory")):
        with pytest.raises(ConfigError, match=f"cannot be read: {why}"):
            read(tmp_path / name)
