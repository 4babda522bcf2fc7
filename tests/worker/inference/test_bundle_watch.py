"""The watch of a bundle's folder opens new bundles, refuses damaged ones, and ignores those already loaded."""

import queue
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, Bundle
from triage_models.bundle.store import BundleStore
from triage_models.errors import BundleError
from triage_worker.inference import bundle_watch as watch_module
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.bundle_watch import BundleWatch

from tests.models.fake_bundles import fake_bundle

TIMEOUT_S = 30.0


class WatchedStore:
    """A store of bundles that is watched; its bundles are opened without a model.

    Args:
        root: a folder.

    Attributes:
        used: the classifiers that the watch passed on.
        opened_with: the arguments of each opening.
        device: what an opened classifier runs on.
    """

    def __init__(self, root: Path) -> None:
        self.store = BundleStore(root / "store")
        self.root = root
        self.registry = CollectorRegistry()
        self.metrics = BundleMetrics(self.registry)
        self.used: queue.Queue[Any] = queue.Queue()
        self.opened_with: list[dict[str, Any]] = []
        self.device = "cpu"
        self.watches: list[BundleWatch] = []

    def promote(self, version: str) -> None:
        """Promote a fake bundle."""
        folder = self.root / version
        self.store.promote(folder if folder.exists() else fake_bundle(folder, version), why="test")

    def open(self, path: Path, **arguments: Any) -> Any:
        """Open a bundle, in place of `Classifier.open`."""
        self.opened_with.append(arguments)
        return SimpleNamespace(bundle=Bundle.open(path), device=self.device)

    def watch(self, path: Path | None = None, poll_s: float = 0.01) -> BundleWatch:
        """Make a watch of the store, or of another path."""
        watch = BundleWatch(
            self.open,
            path or self.store.root,
            device="auto",
            threads=2,
            role="serving",
            poll_s=poll_s,
            metrics=self.metrics,
        )
        self.watches.append(watch)
        return watch

    def next_version(self) -> str:
        """Wait for the next classifier that the watch passes on; returns its version."""
        return str(self.used.get(timeout=TIMEOUT_S).bundle.version)

    def count(self, outcome: str) -> float:
        """Return how many reloads had an outcome."""
        labels = {"role": "serving", "outcome": outcome}
        return self.registry.get_sample_value("triage_bundle_reloads_total", labels) or 0.0

    def wait_for(self, outcome: str, count: float = 1) -> None:
        """Wait until that many reloads had an outcome."""
        waited = threading.Event()
        for _ in range(int(TIMEOUT_S / 0.01)):
            if self.count(outcome) >= count:
                return
            waited.wait(0.01)
        raise AssertionError(f"{outcome} stays at {self.count(outcome)}")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedStore]:
    created = WatchedStore(tmp_path)
    yield created
    for watch in created.watches:
        watch.close()


def test_promoted_and_rolled_back_bundles_are_passed_on(watched: WatchedStore) -> None:
    watched.promote("1")
    watch = watched.watch()
    assert watch.open().bundle.version == "1"
    watch.start(watched.used.put)
    watched.promote("2")
    assert watched.next_version() == "2"
    watched.store.rollback(why="worse")
    assert watched.next_version() == "1"
    assert watched.used.empty()
    watched.wait_for("loaded", 2)


def test_a_bundle_is_opened_by_its_folder_and_not_by_the_link_to_it(watched: WatchedStore) -> None:
    watched.promote("1")
    assert watched.watch().open().bundle.path == watched.store.root / "versions" / "1"
    assert watched.watch(watched.store.root / "current").open().bundle.path == watched.store.root / "versions" / "1"


def test_a_refused_bundle_is_reported_once_and_not_tried_again_until_it_changes(
    watched: WatchedStore, caplog: pytest.LogCaptureFixture
) -> None:
    watched.promote("1")
    watch = watched.watch()
    watch.open()
    watch.start(watched.used.put)
    watched.promote("2")
    assert watched.next_version() == "2"
    (watched.store.root / "versions" / "2" / CPU_MODEL).write_text("damaged")
    watched.wait_for("unchanged")  # the manifest is that of the loaded bundle, so the damaged file is not read
    shutil.copytree(fake_bundle(watched.root / "3", "3"), watched.store.root / "versions" / "3")
    (watched.store.root / "versions" / "3" / CPU_MODEL).write_text("damaged")
    relink(watched.store.root / "current", "versions/3")
    watched.wait_for("refused")
    opened = len(watched.opened_with)
    relink(watched.store.root / "current", "versions/1")
    assert watched.next_version() == "1"  # so the watch has checked again meanwhile
    assert len(watched.opened_with) == opened + 1
    logged = [line for line in caplog.records if "refused" in line.message]
    assert [line.levelname for line in logged] == ["ERROR"]
    assert "SHA-256 differs" in logged[0].message
    assert logged[0].exc_info is None
    assert watched.count("refused") == 1


def relink(link: Path, target: str) -> None:
    """Let a link point to another target, atomically."""
    new = link.with_name("new")
    new.symlink_to(target)
    new.replace(link)


def test_a_refused_bundle_is_opened_once_its_files_are_complete(watched: WatchedStore) -> None:
    watched.promote("1")
    served = watched.root / "served"
    shutil.copytree(watched.root / "1", served)
    watch = watched.watch(served)
    watch.open()
    watch.start(watched.used.put)
    second = fake_bundle(watched.root / "2", "2")
    shutil.copyfile(second / MANIFEST, served / MANIFEST)  # the files of the served bundle are replaced one by one
    watched.wait_for("refused")
    for file in second.iterdir():
        shutil.copyfile(file, served / file.name)
    assert watched.next_version() == "2"


def test_a_folder_that_disappears_and_returns_unchanged_is_not_loaded_again(watched: WatchedStore) -> None:
    watched.promote("1")
    watch = watched.watch(watched.root / "1")
    watch.open()
    watch.start(watched.used.put)
    (watched.root / "1").rename(watched.root / "away")
    watched.wait_for("refused")
    (watched.root / "away").rename(watched.root / "1")
    watched.wait_for("unchanged")
    assert watched.used.empty()


def test_a_requested_check_tries_a_refused_bundle_again(watched: WatchedStore) -> None:
    watched.promote("1")
    watch = watched.watch(poll_s=0)
    watch.open()
    watch.start(watched.used.put)
    watched.promote("2")
    damaged = watched.store.root / "versions" / "2" / CPU_MODEL
    whole = damaged.read_text()
    damaged.write_text("damaged")
    watch.check_now()
    watched.wait_for("refused")
    watch.check_now()
    watched.wait_for("refused", 2)
    damaged.write_text(whole)
    watch.check_now()
    assert watched.next_version() == "2"


def test_a_missing_bundle_is_an_error_at_the_start(watched: WatchedStore) -> None:
    with pytest.raises(BundleError, match="There is no bundle at"):
        watched.watch(watched.root / "nowhere").open()


def test_a_watch_without_a_bundle_opens_the_one_that_is_there(watched: WatchedStore) -> None:
    watched.promote("1")
    watched.watch().start(watched.used.put)
    assert watched.next_version() == "1"


def test_after_one_bundle_on_a_gpu_the_next_ones_must_run_on_a_gpu(watched: WatchedStore) -> None:
    """With "auto", the worker would silently move to the CPU if the GPU had no memory for a second model."""
    watched.promote("1")
    watched.device = "cuda"
    watch = watched.watch()
    watch.open()
    watch.start(watched.used.put)
    watched.promote("2")
    assert watched.next_version() == "2"
    assert watched.opened_with == [{"device": "auto", "threads": 2}, {"device": "cuda", "threads": 2}]


def test_an_unexpected_error_does_not_end_the_watch(watched: WatchedStore, caplog: pytest.LogCaptureFixture) -> None:
    watched.promote("1")
    watch = watched.watch()
    watch.open()

    def use(classifier: Any) -> None:
        watched.used.put(classifier)
        if classifier.bundle.version == "2":
            raise RuntimeError("unexpected")

    watch.start(use)
    watched.promote("2")
    assert watched.next_version() == "2"
    watched.promote("3")
    assert watched.next_version() == "3"
    assert "Checking the bundle failed" in caplog.text


def test_a_folder_that_changes_between_checks_is_not_opened_until_it_stops_changing(
    watched: WatchedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle may still be copied, or its folder may be replaced at this moment."""
    watched.promote("1")
    checks = iter(range(1, 1_000_000))
    settled = threading.Event()
    changed_often = threading.Event()

    def changing(path: Path) -> tuple[object, ...]:
        check = next(checks)
        if check > 20:
            changed_often.set()
        return ("settled",) if settled.is_set() else (check,)

    monkeypatch.setattr(watch_module, "_fingerprint", changing)
    watch = watched.watch()
    watch.open()
    watch.start(watched.used.put)
    watched.promote("2")
    assert changed_often.wait(TIMEOUT_S)
    assert len(watched.opened_with) == 1
    settled.set()
    assert watched.next_version() == "2"
