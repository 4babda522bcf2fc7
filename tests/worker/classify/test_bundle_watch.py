"""What a worker notices of its bundle's folder, and what it does about it."""

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
from triage_worker.classify import bundle_watch as watch_module
from triage_worker.classify.bundle_metrics import BundleMetrics
from triage_worker.classify.bundle_watch import BundleWatch

from tests.models.fake_bundles import fake_bundle

PATIENCE_S = 30.0


class Place:
    """A folder that is watched; bundles there are opened without a model, and the watch tells when it has looked."""

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
        folder = self.root / version
        self.store.promote(folder if folder.exists() else fake_bundle(folder, version), why="test")

    def open(self, path: Path, **arguments: Any) -> Any:
        self.opened_with.append(arguments)
        return SimpleNamespace(bundle=Bundle.open(path), device=self.device)

    def watch(self, path: Path | None = None, poll_s: float = 0.01) -> BundleWatch:
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
        return str(self.used.get(timeout=PATIENCE_S).bundle.version)

    def count(self, outcome: str) -> float:
        labels = {"role": "serving", "outcome": outcome}
        return self.registry.get_sample_value("triage_bundle_reloads_total", labels) or 0.0

    def wait_for(self, outcome: str, count: float = 1) -> None:
        """Until the watch has counted so many; the watch looks every hundredth of a second."""
        waited = threading.Event()
        for _ in range(int(PATIENCE_S / 0.01)):
            if self.count(outcome) >= count:
                return
            waited.wait(0.01)
        raise AssertionError(f"{outcome} stays at {self.count(outcome)}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made_place = Place(tmp_path)
    yield made_place
    for watch in made_place.watches:
        watch.close()


def test_promoted_and_rolled_back_bundles_are_handed_over(place: Place) -> None:
    place.promote("1")
    watch = place.watch()
    assert watch.open().bundle.version == "1"
    watch.start(place.used.put)
    place.promote("2")
    assert place.next_version() == "2"
    place.store.rollback(why="worse")
    assert place.next_version() == "1"
    assert place.used.empty()
    place.wait_for("loaded", 2)


def test_a_bundle_is_opened_where_it_lies_and_not_by_its_link(place: Place) -> None:
    place.promote("1")
    assert place.watch().open().bundle.path == place.store.root / "versions" / "1"
    assert place.watch(place.store.root / "current").open().bundle.path == place.store.root / "versions" / "1"


def test_a_refused_bundle_is_told_of_once_and_not_tried_again_until_it_changes(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.promote("1")
    watch = place.watch()
    watch.open()
    watch.start(place.used.put)
    place.promote("2")
    assert place.next_version() == "2"
    (place.store.root / "versions" / "2" / CPU_MODEL).write_text("damaged")
    place.wait_for("unchanged")  # what is loaded is what the manifest says; the file on the disk is not read again
    shutil.copytree(fake_bundle(place.root / "3", "3"), place.store.root / "versions" / "3")
    (place.store.root / "versions" / "3" / CPU_MODEL).write_text("damaged")
    relink(place.store.root / "current", "versions/3")
    place.wait_for("refused")
    opened = len(place.opened_with)
    relink(place.store.root / "current", "versions/1")
    assert place.next_version() == "1"  # so it has looked again meanwhile
    assert len(place.opened_with) == opened + 1
    told = [line for line in caplog.records if "refused" in line.message]
    assert [line.levelname for line in told] == ["ERROR"]
    assert "SHA-256 differs" in told[0].message
    assert told[0].exc_info is None
    assert place.count("refused") == 1


def relink(link: Path, target: str) -> None:
    new = link.with_name("new")
    new.symlink_to(target)
    new.replace(link)


def test_a_refused_bundle_that_is_mended_in_place_is_taken(place: Place) -> None:
    place.promote("1")
    served = place.root / "served"
    shutil.copytree(place.root / "1", served)
    watch = place.watch(served)
    watch.open()
    watch.start(place.used.put)
    second = fake_bundle(place.root / "2", "2")
    shutil.copyfile(second / MANIFEST, served / MANIFEST)  # somebody copies file by file over what is served
    place.wait_for("refused")
    for file in second.iterdir():
        shutil.copyfile(file, served / file.name)
    assert place.next_version() == "2"


def test_a_folder_that_goes_away_and_comes_back_is_no_reason_to_load_it_again(place: Place) -> None:
    place.promote("1")
    watch = place.watch(place.root / "1")
    watch.open()
    watch.start(place.used.put)
    (place.root / "1").rename(place.root / "away")
    place.wait_for("refused")
    (place.root / "away").rename(place.root / "1")
    place.wait_for("unchanged")
    assert place.used.empty()


def test_it_looks_when_asked_and_then_tries_again_what_was_refused(place: Place) -> None:
    place.promote("1")
    watch = place.watch(poll_s=0)
    watch.open()
    watch.start(place.used.put)
    place.promote("2")
    damaged = place.store.root / "versions" / "2" / CPU_MODEL
    whole = damaged.read_text()
    damaged.write_text("damaged")
    watch.check_now()
    place.wait_for("refused")
    watch.check_now()
    place.wait_for("refused", 2)
    damaged.write_text(whole)
    watch.check_now()
    assert place.next_version() == "2"


def test_what_cannot_be_opened_at_first_is_an_error(place: Place) -> None:
    with pytest.raises(BundleError, match="There is no bundle at"):
        place.watch(place.root / "nowhere").open()


def test_a_watch_that_never_opened_takes_what_is_there(place: Place) -> None:
    place.promote("1")
    place.watch().start(place.used.put)
    assert place.next_version() == "1"


def test_once_on_a_gpu_always_on_a_gpu(place: Place) -> None:
    """With "auto" a GPU without room for a second model would be left for the CPU in silence."""
    place.promote("1")
    place.device = "cuda"
    watch = place.watch()
    watch.open()
    watch.start(place.used.put)
    place.promote("2")
    assert place.next_version() == "2"
    assert place.opened_with == [{"device": "auto", "threads": 2}, {"device": "cuda", "threads": 2}]


def test_an_unforeseen_error_does_not_end_the_watch(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.promote("1")
    watch = place.watch()
    watch.open()

    def use(classifier: Any) -> None:
        place.used.put(classifier)
        if classifier.bundle.version == "2":
            raise RuntimeError("nobody thought of this")

    watch.start(use)
    place.promote("2")
    assert place.next_version() == "2"
    place.promote("3")
    assert place.next_version() == "3"
    assert "Checking the bundle failed" in caplog.text


def test_a_folder_that_changes_from_look_to_look_is_left_until_it_settles(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that is being copied, or that is away for a moment while another takes its place."""
    place.promote("1")
    looks = iter(range(1, 1_000_000))
    settled = threading.Event()
    changed_often = threading.Event()

    def changing(path: Path) -> tuple[object, ...]:
        look = next(looks)
        if look > 20:
            changed_often.set()
        return ("settled",) if settled.is_set() else (look,)

    monkeypatch.setattr(watch_module, "_fingerprint", changing)
    watch = place.watch()
    watch.open()
    watch.start(place.used.put)
    place.promote("2")
    assert changed_often.wait(PATIENCE_S)
    assert len(place.opened_with) == 1
    settled.set()
    assert place.next_version() == "2"
