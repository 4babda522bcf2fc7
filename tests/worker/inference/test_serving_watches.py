"""The bundles of several languages are opened together, and each is replaced by itself if it goes with the others."""

import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from triage_models.bundle.bundle import MANIFEST, Bundle
from triage_models.bundle.store import BundleStore
from triage_models.errors import BundleError
from triage_worker.config.settings import Settings
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.serving_watches import Opened, Serves, ServingWatches

from tests.models.fake_bundles import fake_bundle
from tests.worker.classify.test_shadow import wait_for

TIMEOUT_S = 60.0


def open_without_a_model(path: Path, *, detect_language: bool, **_: Any) -> Any:
    assert not detect_language, "the worker does so"
    return SimpleNamespace(bundle=Bundle.open(path), device="cpu")


def with_labels(folder: Path, *labels: str) -> Path:
    """Give a fake bundle other labels."""
    manifest = Bundle.open(folder, verify=False).manifest.model_copy(update={"labels": labels})
    (folder / MANIFEST).write_text(manifest.model_dump_json())
    return folder


class Served:
    """A store with the bundle of all other languages, and one with the English bundle."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rest, self.english = BundleStore(root / "rest"), BundleStore(root / "english")
        self.rest.promote(fake_bundle(root / "r1", "r1"), why="the first")
        self.english.promote(fake_bundle(root / "e1", "e1"), why="the first")
        self.used: queue.Queue[tuple[Serves, str]] = queue.Queue()
        self.moments: list[list[tuple[Serves, str]]] = []
        self.broken = False
        self.registry = CollectorRegistry()
        settings = Settings.load(bundle=f"en={self.english.root},*={self.rest.root}", bundle_poll_s="0.01")
        self.watches = ServingWatches(
            settings, {"": settings.bundle}, BundleMetrics(self.registry), open_without_a_model
        )

    def use(self, opened: Sequence[Opened]) -> None:
        if self.broken:
            raise RuntimeError("cannot be used")
        self.moments.append([(serves, classifier.bundle.version) for serves, classifier in opened])
        for one in self.moments[-1]:
            self.used.put(one)

    def refused(self) -> float:
        return self.reloads("refused")

    def reloads(self, outcome: str) -> float:
        labels = {"role": "serving", "outcome": outcome}
        return self.registry.get_sample_value("triage_bundle_reloads_total", labels) or 0.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    for watch in served.watches.watches:
        watch.close()


def test_each_bundle_is_opened_for_its_languages_and_replaced_by_itself(served: Served) -> None:
    opened = [(serves, classifier.bundle.version) for serves, classifier in served.watches.open()]
    assert opened == [(("*",), "r1"), (("en",), "e1")]
    served.watches.start(served.use)
    served.english.promote(fake_bundle(served.root / "e2", "e2"), why="better")
    assert served.used.get(timeout=TIMEOUT_S) == (("en",), "e2")
    served.rest.promote(fake_bundle(served.root / "r2", "r2"), why="better")
    assert served.used.get(timeout=TIMEOUT_S) == (("*",), "r2")
    assert served.refused() == 0


def test_a_bundle_with_other_labels_is_refused_and_the_loaded_one_stays(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.watches.open()
    served.watches.start(served.use)
    served.english.promote(with_labels(fake_bundle(served.root / "e2", "e2"), "A", "C"), why="other labels")
    wait_for(lambda: served.refused() == 1)
    assert "need the same labels: only" in caplog.text
    served.english.promote(fake_bundle(served.root / "e3", "e3"), why="mended")
    assert served.used.get(timeout=TIMEOUT_S) == (("en",), "e3")


def test_bundles_that_do_not_go_together_are_not_opened(served: Served) -> None:
    served.english.promote(with_labels(fake_bundle(served.root / "e2", "e2"), "A", "C"), why="other labels")
    with pytest.raises(BundleError, match="need the same labels"):
        served.watches.open()


def test_the_labels_of_all_bundles_are_changed_at_the_same_moment(served: Served) -> None:
    served.watches.open()
    served.watches.start(served.use)
    served.english.promote(with_labels(fake_bundle(served.root / "e2", "e2"), "A", "C"), why="other labels")
    wait_for(lambda: served.refused() == 1)
    served.rest.promote(with_labels(fake_bundle(served.root / "r2", "r2"), "A", "C"), why="other labels")
    assert served.used.get(timeout=TIMEOUT_S) == (("*",), "r2")
    assert served.moments == [[(("*",), "r2"), (("en",), "e2")]]
    wait_for(lambda: served.reloads("loaded") == 2)
    served.english.promote(with_labels(fake_bundle(served.root / "e3", "e3"), "A", "C"), why="better")
    wait_for(lambda: served.moments[1:] == [[(("en",), "e3")]])


def test_a_refused_bundle_that_was_rolled_back_is_not_used_when_another_one_changes(served: Served) -> None:
    served.watches.open()
    served.watches.start(served.use)
    served.english.promote(with_labels(fake_bundle(served.root / "e2", "e2"), "A", "C"), why="other labels")
    wait_for(lambda: served.refused() == 1)
    served.english.rollback(why="a mistake")
    served.rest.promote(with_labels(fake_bundle(served.root / "r2", "r2"), "A", "C"), why="other labels")
    wait_for(lambda: served.refused() == 2)
    assert served.moments == []


def test_a_refused_bundle_is_tried_again_when_another_one_changes(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.watches.open()
    served.watches.start(served.use)
    served.english.promote(fake_bundle(served.root / "other r1", "r1", "other"), why="has the version of the others'")
    wait_for(lambda: served.refused() == 1)
    assert "events could not say which of them decided" in caplog.text
    served.rest.promote(fake_bundle(served.root / "r2", "r2"), why="better")
    wait_for(lambda: len(served.moments) == 2)
    assert served.moments == [[(("*",), "r2")], [(("en",), "r1")]]


def test_a_bundle_that_could_not_be_used_does_not_count(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.watches.open()
    served.watches.start(served.use)
    served.broken = True
    served.english.promote(fake_bundle(served.root / "e2", "e2"), why="better")
    wait_for(lambda: "Checking the bundle failed" in caplog.text)
    served.broken = False
    served.rest.promote(fake_bundle(served.root / "other e2", "e2", "other"), why="has the version of a refused one")
    assert served.used.get(timeout=TIMEOUT_S) == (("*",), "e2")
