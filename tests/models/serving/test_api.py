"""The public Python API on the shipped bundle: objects, streams, arrays, and rows without text."""

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import triage_models
from triage_models import BundleError, Classifier, Decision, ModelError, Predictions
from triage_models.serving.stream import CHUNK

from tests.models.serving.shipped import shipped_classifier, texts
from tests.models.serving.test_stream import collect

NULLS = [None, float("nan"), np.nan]
NO_TEXT = [*NULLS, "", " \t\n", "\u00a0", 5, 3.5, b"bytes", ["list"], object()]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return shipped_classifier()


def close(one: Decision, other: Decision) -> bool:
    """The same answer, to the precision that a batch may change it by."""
    near = abs(one.confidence - other.confidence) < 1e-5
    return near and (one.intent, one.accepted, one.reason) == (other.intent, other.accepted, other.reason)


def test_the_package_loads_its_public_names_on_first_use() -> None:
    program = (
        "import sys, triage_models; heavy = {'onnxruntime', 'tokenizers', 'numpy', 'pydantic'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "assert set(triage_models.__all__) <= set(dir(triage_models)); "
        "from triage_models import Classifier; assert 'onnxruntime' in sys.modules; "
        "assert not {'pandas', 'polars', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_is_there_and_no_other() -> None:
    for name in triage_models.__all__:
        assert getattr(triage_models, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Classifer'"):
        triage_models.Classifer  # type: ignore[attr-defined]  # noqa: B018


def test_the_shipped_bundle_opens_by_default() -> None:
    opened = Classifier.open(device="cpu")
    assert opened.bundle.path == triage_models.DEFAULT_BUNDLE.resolve()
    assert opened.threads >= 1
    assert "WISMO" in opened.labels
    assert repr(opened).startswith("Classifier(bundle='ecommerce', version='")


def test_a_folder_that_is_no_bundle_is_named() -> None:
    with pytest.raises(BundleError, match=r"There is no bundle at .*nowhere"):
        Classifier.open("nowhere")
    assert issubclass(BundleError, ModelError)


def test_decisions_are_frozen(classifier: Classifier) -> None:
    (decision,) = classifier.classify(["where is my parcel"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.intent = "OTHER"  # type: ignore[misc]


@pytest.mark.parametrize("count", [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_a_list_a_stream_and_arrays_agree_in_order(classifier: Classifier, count: int) -> None:
    rows = texts(count)
    decisions = classifier.classify(rows)
    streamed = list(classifier.classify_stream(iter(rows)))
    predictions = classifier.classify_arrays(rows)
    assert len(decisions) == len(streamed) == len(predictions) == count
    assert all(map(close, decisions, streamed))
    assert predictions.intent.tolist() == [decision.intent for decision in decisions]
    assert predictions.accepted.tolist() == [decision.accepted for decision in decisions]
    assert predictions.reason.tolist() == [decision.reason for decision in decisions]
    assert predictions.truncated.tolist() == [decision.truncated for decision in decisions]
    assert predictions.confidence == pytest.approx([decision.confidence for decision in decisions], abs=1e-5)
    assert predictions.familiarity == pytest.approx([decision.familiarity for decision in decisions], abs=1e-5)
    for row, decision in zip(predictions.probabilities, decisions, strict=True):
        scores = dict(zip(predictions.labels, row.tolist(), strict=True))
        assert scores == pytest.approx(decision.scores, abs=1e-5)


def test_arrays_have_their_shapes_and_types(classifier: Classifier) -> None:
    predictions = classifier.classify_arrays(["where is my parcel", None])
    labels = len(classifier.labels)
    shapes = {
        field.name: (getattr(predictions, field.name).shape, getattr(predictions, field.name).dtype.name)
        for field in dataclasses.fields(Predictions)
        if field.name != "labels"
    }
    assert predictions.labels == classifier.labels
    assert shapes == {
        "intent": ((2,), "object"),
        "confidence": ((2,), "float32"),
        "accepted": ((2,), "bool"),
        "reason": ((2,), "object"),
        "probabilities": ((2, labels), "float32"),
        "familiarity": ((2,), "float32"),
        "truncated": ((2,), "bool"),
    }
    assert type(predictions.intent[0]) is str


@pytest.mark.parametrize("threads", [1, 2])
def test_an_answer_does_not_depend_on_the_other_rows(threads: int) -> None:
    classifier = shipped_classifier(threads)
    rows = [*texts(600), "order " * 1000]
    together = classifier.classify(rows)
    for position in (0, 1, 299, 511, 512, 599, 600):
        (alone,) = classifier.classify([rows[position]])
        assert alone.confidence == pytest.approx(together[position].confidence, abs=1e-6)
        assert close(alone, together[position])


@pytest.mark.parametrize("null", NULLS)
def test_a_null_has_no_decision(classifier: Classifier, null: None) -> None:
    first, second, third = classifier.classify(["where is my parcel", null, "cancel my order"])
    assert first is not None
    assert second is None
    assert third is not None
    assert (first.intent, third.intent) == ("WISMO", "CANCEL_ORDER")
    assert list(classifier.classify_stream([null, null])) == [None, None]


def test_pandas_na_is_a_null(classifier: Classifier) -> None:
    pandas = pytest.importorskip("pandas")
    assert classifier.classify([pandas.NA]) == [None]


@pytest.mark.parametrize("value", [5, b"bytes", ["list"], 3.5])
def test_what_is_no_string_is_refused_with_its_position(classifier: Classifier, value: object) -> None:
    with pytest.raises(TypeError, match=f"position 1 is a {type(value).__name__}, not a string"):
        classifier.classify(["fine", value])  # type: ignore[list-item]


@pytest.mark.parametrize("text", ["where is my parcel", b"where"])
def test_a_single_string_is_refused_at_once(classifier: Classifier, text: str) -> None:
    for method in (classifier.classify, classifier.classify_stream, classifier.classify_arrays):
        with pytest.raises(TypeError, match="pass a list of strings"):
            method(text)


@pytest.mark.parametrize("value", NO_TEXT)
def test_a_row_without_text_has_no_prediction(classifier: Classifier, value: object) -> None:
    predictions = classifier.classify_arrays([value, "where is my parcel"])
    assert predictions.intent.tolist() == [None, "WISMO"]
    assert predictions.reason.tolist() == ["no_text", None]
    assert predictions.accepted.tolist() == [False, True]
    assert np.isnan(predictions.confidence).tolist() == [True, False]
    assert np.isnan(predictions.probabilities[0]).all()
    assert not np.isnan(predictions.probabilities[1]).any()


def test_rows_without_text_alone_are_no_error(classifier: Classifier) -> None:
    assert classifier.classify_arrays([None, ""]).reason.tolist() == ["no_text", "no_text"]


def test_the_word_nan_is_a_text(classifier: Classifier) -> None:
    assert classifier.classify_arrays(["nan"]).reason.tolist() != ["no_text"]


def test_any_iterable_of_strings_will_do(classifier: Classifier) -> None:
    expected = [decision.intent for decision in classifier.classify(texts(3))]
    for rows in (tuple(texts(3)), np.array(texts(3)), iter(texts(3)), dict.fromkeys(texts(3))):
        assert [decision.intent for decision in classifier.classify(rows)] == expected


def test_half_a_surrogate_does_not_stop_a_run(classifier: Classifier) -> None:
    broken, repaired = classifier.classify(["where is my parcel \ud83d", "where is my parcel ?"])
    assert close(broken, repaired)
    assert classifier.classify_arrays(["where is my parcel \ud83d"]).intent.tolist() == ["WISMO"]


def test_a_huge_text_costs_what_its_beginning_costs(classifier: Classifier) -> None:
    started = time.process_time()
    (decision,) = classifier.classify(["where is my parcel " * 1_000_000])
    assert time.process_time() - started < 5  # the tokenizer alone takes 15 s for all of it
    assert decision.truncated


def test_a_stream_is_lazy(classifier: Classifier) -> None:
    read = itertools.count()
    stream = classifier.classify_stream(f"order {number}" for number in read)
    assert next(read) == 0
    next(stream)
    stream.close()
    assert next(read) <= CHUNK * (classifier.threads + 2)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("triage-classify")]


def test_an_error_of_the_input_comes_after_the_decisions_before_it(classifier: Classifier) -> None:
    def rows() -> Iterator[str]:
        yield from texts(CHUNK + 5)
        raise ConnectionError("the database is gone")

    found, error = collect(classifier.classify_stream(rows()))
    assert isinstance(error, ConnectionError)
    assert len(found) == CHUNK + 5


def test_streams_of_one_classifier_run_at_once(classifier: Classifier) -> None:
    rows = texts(300)
    expected = [decision.intent for decision in classifier.classify(rows)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [one.intent for one in classifier.classify_stream(rows)], range(4)))
    assert found == [expected] * 4


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_a_stream_at_once() -> None:
    program = (
        "import itertools; from triage_models import Classifier\n"
        "for number, _ in enumerate(Classifier.open(threads=2).classify_stream(map(str, itertools.count()))):\n"
        "    if number == 10: print('started', flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode in {1, -signal.SIGINT}
    assert errors.rstrip().endswith("KeyboardInterrupt")
