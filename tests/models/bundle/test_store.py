"""The bundle store: the current bundle, rollback, and interruption at any step."""

import errno
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, REQUIRED, Bundle
from triage_models.bundle.store import BundleStore
from triage_models.errors import BundleError, StoreChangedError

from tests.models.bundle.promoter import KILLED, change, killed_at
from tests.models.fake_bundles import fake_bundle

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["__main__", "tests.models.bundle.promoter"])


@pytest.fixture
def bundles(tmp_path: Path) -> Callable[[str], Path]:
    def bundle(version: str) -> Path:
        folder = tmp_path / "bundles" / version
        return folder if folder.exists() else fake_bundle(folder, version)

    return bundle


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    return BundleStore(tmp_path / "store")


def served(store: BundleStore) -> str:
    """Return the version of the bundle that opening the store gives."""
    return Bundle.open(store.root).version


def test_a_new_store_is_empty(store: BundleStore) -> None:
    assert store.current() is None
    assert store.history() == []
    assert not store.root.exists()


def test_a_promoted_bundle_is_complete_and_current(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    (bundles("1") / "checkpoint").write_text("not of the bundle")
    folder = store.promote(bundles("1"), why="the first")
    assert folder == store.current() == store.root / "versions" / "1"
    assert {file.name for file in folder.iterdir()} == {*REQUIRED, MANIFEST}
    assert (store.root / "current").readlink() == Path("versions/1")
    assert Bundle.open(store.root / "current").path == Bundle.open(store.root).path == folder


def test_rolling_back_goes_further_back_each_time(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    for version in ("1", "2", "3"):
        store.promote(bundles(version), why="better")
    assert store.rollback(why="worse").name == served(store) == "2"
    store.promote(bundles("4"), why="better again")
    assert [store.rollback(why="no").name for _ in range(2)] == ["2", "1"]
    with pytest.raises(BundleError, match="nothing to go back to"):
        store.rollback(why="no")
    assert served(store) == "1"
    assert [(entry.action, entry.before, entry.to) for entry in store.history()] == [
        ("promote", None, "1"),
        ("promote", "1", "2"),
        ("promote", "2", "3"),
        ("rollback", "3", "2"),
        ("promote", "2", "4"),
        ("rollback", "4", "2"),
        ("rollback", "2", "1"),
    ]


def test_a_bundle_that_was_served_before_can_be_promoted_again(
    store: BundleStore, bundles: Callable[[str], Path]
) -> None:
    for version in ("1", "2", "1"):
        store.promote(bundles(version), why="to and fro")
    assert store.rollback(why="back").name == "2"
    assert store.rollback(why="back").name == "1"


def test_promoting_the_current_bundle_changes_nothing(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    store.promote(bundles("1"), why="first")
    store.promote(bundles("2"), why="second")
    assert store.promote(bundles("2"), why="again") == store.current()
    assert len(store.history()) == 2
    assert store.rollback(why="back").name == "1"


def test_a_line_of_the_history_is_json_with_these_fields(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    store.promote(bundles("1"), why='because\nit is "better"')
    (line,) = (store.root / "history.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert set(entry) == {"when", "action", "from", "to", "why"}
    assert entry["why"] == 'because\nit is "better"'


def test_rollback_without_a_store_is_refused(store: BundleStore) -> None:
    assert "There is no store" in refusal(lambda: store.rollback(why="back"))
    assert not store.root.exists()


def test_a_link_set_by_hand_takes_precedence_over_the_history(
    store: BundleStore, bundles: Callable[[str], Path]
) -> None:
    for version in ("1", "2"):
        store.promote(bundles(version), why="better")
    shutil.copytree(bundles("3"), store.root / "versions" / "3")
    (store.root / "current").unlink()
    (store.root / "current").symlink_to("versions/3")
    assert store.rollback(why="who did this?").name == "2"
    assert store.rollback(why="further").name == "1"


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(BundleError) as refused:
        act()
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_damaged_bundle_is_refused(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    store.promote(bundles("1"), why="good")
    (bundles("2") / CPU_MODEL).write_text("other")
    assert "SHA-256 differs" in refusal(lambda: store.promote(bundles("2"), why="bad"))
    assert served(store) == "1"
    assert len(store.history()) == 1


def test_another_bundle_of_the_same_version_is_refused(store: BundleStore, tmp_path: Path) -> None:
    store.promote(fake_bundle(tmp_path / "a", "1"), why="good")
    other = fake_bundle(tmp_path / "b", "1", "but different")
    assert "another bundle of version 1" in refusal(lambda: store.promote(other, why="too"))


@pytest.mark.parametrize("version", ["../1", "", ".1", "a/b", "x" * 300, "1\n"])
def test_a_version_that_is_not_a_folder_name_is_refused(store: BundleStore, tmp_path: Path, version: str) -> None:
    folder = fake_bundle(tmp_path / "odd", version)
    assert "cannot be the name of a folder" in refusal(lambda: store.promote(folder, why="odd"))
    assert not store.root.exists()


def test_rollback_to_a_deleted_or_damaged_bundle_is_refused(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    for version in ("1", "2"):
        store.promote(bundles(version), why="better")
    (store.root / "versions" / "1" / CPU_MODEL).write_text("damaged")
    assert "SHA-256 differs" in refusal(lambda: store.rollback(why="back"))
    shutil.rmtree(store.root / "versions" / "1")
    assert "There is no bundle at" in refusal(lambda: store.rollback(why="back"))
    assert served(store) == "2"
    assert len(store.history()) == 2


def test_a_damaged_history_is_reported(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    store.promote(bundles("1"), why="good")
    (store.root / "history.jsonl").write_text("{}\n")
    assert "history.jsonl is damaged" in refusal(lambda: store.rollback(why="back"))
    assert "history.jsonl is damaged" in refusal(lambda: store.promote(bundles("2"), why="better"))
    assert served(store) == "1"


@pytest.mark.parametrize("failing", ["copyfile", "fsync", "replace"])
def test_a_full_disk_is_one_sentence_and_the_current_bundle_stays(
    store: BundleStore, bundles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    store.promote(bundles("1"), why="good")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(shutil if failing == "copyfile" else os, failing, full)
        assert "No space left on device" in refusal(lambda: store.promote(bundles("2"), why="better"))
    assert served(store) == "1"
    assert store.promote(bundles("2"), why="with room").name == served(store) == "2"
    assert store.rollback(why="back").name == "1"


@pytest.mark.parametrize("promoting", [True, False])
def test_after_a_kill_at_any_step_a_complete_bundle_is_current_and_the_next_change_works(
    tmp_path: Path, bundles: Callable[[str], Path], promoting: bool
) -> None:
    given = bundles("3") if promoting else None
    step = 0
    exits: set[int | None] = {0}
    seen = set()
    while step == 0 or exits != {0}:
        store = BundleStore(tmp_path / f"store-{step}")
        for version in ("1", "2"):
            store.promote(bundles(version), why="better")
        process = FORK.Process(target=killed_at, args=(store.root, given, step))
        process.start()
        process.join(60)
        exits = {process.exitcode}
        assert exits <= {0, KILLED}
        current = served(store)
        assert current in {"2", "3" if promoting else "1"}
        seen.add(current)
        below = {"3": ["2", "1"], "2": ["1"], "1": []}[current]
        store.promote(bundles("4"), why="and on")
        assert [store.rollback(why="back").name for _ in range(1 + len(below))] == [current, *below]
        refusal(lambda store=store: store.rollback(why="further"))  # type: ignore[misc]
        assert not [path for path in (store.root / "versions").iterdir() if path.name.startswith(".")]
        step += 1
    assert step > 10
    assert seen == {"2", "3" if promoting else "1"}


def test_a_change_is_refused_if_somebody_was_faster(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    assert store.promote(bundles("1"), why="first", expected="").name == "1"
    with pytest.raises(StoreChangedError, match="serves 1 by now, and not nothing"):
        store.promote(bundles("2"), why="also first", expected="")
    store.promote(bundles("2"), why="better", expected="1")
    with pytest.raises(StoreChangedError, match="serves 2 by now, and not 1: look again"):
        store.promote(bundles("3"), why="late", expected="1")
    with pytest.raises(StoreChangedError, match="serves 2 by now, and not 1: look again"):
        store.rollback(why="late", expected="1")
    assert [entry.to for entry in store.history()] == ["1", "2"]
    assert [path.name for path in store.versions()] == ["1", "2"]
    assert store.rollback(why="back", expected="2").name == "1"


def test_the_target_of_a_rollback_is_known_before(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    assert store.versions() == []
    assert store.rollback_target() is None
    for version in ("1", "2", "3"):
        store.promote(bundles(version), why="better")
        assert store.rollback_target() == {"1": None, "2": "1", "3": "2"}[version]
    while (target := store.rollback_target()) is not None:
        assert store.rollback(why="back").name == target
    assert served(store) == "1"


def test_concurrent_promotions_take_turns(store: BundleStore, bundles: Callable[[str], Path]) -> None:
    versions = [str(number) for number in range(6)]
    store.promote(bundles("first"), why="first")
    promoters = [FORK.Process(target=change, args=(store.root, bundles(version))) for version in versions]
    for promoter in promoters:
        promoter.start()
    for promoter in promoters:
        promoter.join(60)
        assert promoter.exitcode == 0
    history = store.history()
    assert sorted(entry.to for entry in history[1:]) == versions
    assert [entry.before for entry in history[1:]] == [entry.to for entry in history[:-1]]
    assert served(store) == history[-1].to
