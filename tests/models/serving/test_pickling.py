"""A classifier that is sent to another process opens its bundle there, once, and no other bundle."""

import json
import multiprocessing
import os
import pickle
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE, BundleError, Classifier

from tests.models.serving.shipped import shipped_classifier, texts


def intents(classifier: Classifier, rows: list[str]) -> tuple[int, int, list[str]]:
    return os.getpid(), id(classifier), [decision.intent for decision in classifier.classify(rows)]


def copied(folder: Path) -> Path:
    shutil.copytree(DEFAULT_BUNDLE, folder)
    return folder


def test_what_travels_is_small() -> None:
    assert len(pickle.dumps(shipped_classifier())) < 2_000


def test_a_process_opens_it_once_and_answers_alike() -> None:
    classifier = Classifier.open(device="cpu", threads=1)
    rows = texts(20)
    expected = [decision.intent for decision in classifier.classify(rows)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        answers = list(pool.map(intents, [classifier] * 6, [rows] * 6))
    assert [found for _, _, found in answers] == [expected] * 6
    assert os.getpid() not in {process for process, _, _ in answers}
    opened: dict[int, set[int]] = {}
    for process, identity, _ in answers:
        opened.setdefault(process, set()).add(identity)
    assert {len(identities) for identities in opened.values()} == {1}


def test_a_forked_process_can_classify() -> None:
    classifier = shipped_classifier()
    expected = [decision.intent for decision in classifier.classify(texts(600))]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        _, _, found = pool.submit(intents, classifier, texts(600)).result(timeout=120)
    assert found == expected


def test_threads_that_unpickle_at_once_share_one() -> None:
    data = pickle.dumps(Classifier.open(device="cpu", threads=3))
    start = threading.Barrier(4)

    def load(_: int) -> Classifier:
        start.wait()
        found: Classifier = pickle.loads(data)
        return found

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(load, range(4)))) == 1


def test_device_and_threads_travel(tmp_path: Path) -> None:
    classifier = Classifier.open(copied(tmp_path / "mine"), device="cpu", threads=5)
    found: Classifier = pickle.loads(pickle.dumps(classifier))
    assert (found.threads, found.device, found.bundle.path) == (5, "cpu", classifier.bundle.path)


def test_the_shipped_bundle_is_found_where_the_package_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = pickle.dumps(shipped_classifier(7))
    elsewhere = copied(tmp_path / "site-packages")
    monkeypatch.setattr("triage_models.serving.classifier.DEFAULT_BUNDLE", elsewhere)
    found: Classifier = pickle.loads(data)
    assert found.bundle.path == elsewhere.resolve()


def test_another_bundle_at_the_same_path_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path / "mine")
    data = pickle.dumps(Classifier.open(folder, device="cpu", threads=1))
    manifest = json.loads((folder / "triage.json").read_text())
    manifest["version"] = "another"
    del manifest["files"]["special_tokens_map.json"]
    (folder / "triage.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="version another, and the classifier was pickled with version 2"):
        pickle.loads(data)


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = copied(tmp_path / "mine")
    data = pickle.dumps(Classifier.open(folder, device="cpu", threads=1))
    shutil.rmtree(folder)
    with pytest.raises(BundleError, match="There is no bundle at"):
        pickle.loads(data)
