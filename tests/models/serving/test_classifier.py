"""The classifier that serves, on a real bundle: order, threads, long texts, none at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the bundle of these tests is trained; needs the [train] extra")

from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import UNREAD_WINDOWS, cuda_available, sized_batches, usable_cores

from tests.models.tiny import tiny_rows

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> Classifier:
    return Classifier.open(tiny_bundle, device="cpu", threads=2)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Of many lengths, in no order of length."""
    rows = [text for text, _ in tiny_rows(each=40)]
    return [rows[at] for at in np.random.default_rng(0).permutation(len(rows))]


def test_decisions_come_in_the_order_of_the_texts(classifier: Classifier, texts: list[str]) -> None:
    together = classifier.classify(texts)
    for text, decision in zip(texts, together, strict=True):
        (alone,) = classifier.classify([text])
        assert (alone.intent, alone.accepted, alone.reason) == (decision.intent, decision.accepted, decision.reason)
        assert alone.confidence == pytest.approx(decision.confidence, abs=1e-3)


def test_four_threads_at_once_get_what_one_gets(classifier: Classifier, texts: list[str]) -> None:
    encoded = classifier.encode(texts)
    batches = [encoded[start : start + 10] for start in range(0, len(encoded), 10)]
    expected = [classifier.infer(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(classifier.infer, batches * 5))
    for outputs, right in zip(found, expected * 5, strict=True):
        assert np.array_equal(outputs.logits, right.logits)
        assert np.array_equal(outputs.similarity, right.similarity)


def test_encoding_in_many_threads_is_encoding_in_one(classifier: Classifier, texts: list[str]) -> None:
    right = classifier.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        assert all(found == right for found in pool.map(classifier.encode, [texts] * 8))


def test_no_texts_give_no_decisions(classifier: Classifier) -> None:
    assert classifier.classify([]) == []
    assert classifier.encode([]) == []


def test_a_long_text_is_read_in_windows_up_to_a_limit(classifier: Classifier) -> None:
    longest = classifier.bundle.max_length
    fits, just, over = (" ".join(["order"] * (longest - 2 + more)) for more in (-1, 0, 1))
    encoded = classifier.encode([fits, just, over, "order " * 100_000])
    assert [len(row.ids) for row in encoded] == [longest - 1, longest, longest, longest]
    # The end is a window of its own; of a text that is not read to its end, only some windows are run.
    assert [row.windows for row in encoded] == [1, 1, 3, UNREAD_WINDOWS]
    assert [row.truncated for row in encoded] == [False, False, False, True]
    assert encoded[2].ids == encoded[3].ids
    assert encoded[2].ids[-1] == encoded[0].ids[-1]  # [SEP] is still the last
    whole, cut = classifier.classify([fits, "order " * 100_000])
    assert (whole.truncated, cut.truncated) == (False, True)
    assert not cut.accepted


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), min_size=1, max_size=6))
def test_any_text_at_all_is_decided(classifier: Classifier, texts: list[str]) -> None:
    for decision in classifier.classify(texts):
        assert decision.intent in classifier.bundle.labels
        assert 0.0 <= decision.confidence <= 1.0
        assert -1.001 <= decision.familiarity <= 1.001
        assert list(decision.scores.values()) == sorted(decision.scores.values(), reverse=True)
        assert set(decision.scores) == set(classifier.bundle.labels)
        assert decision.accepted == (decision.reason is None)


def test_decide_accepts_the_output_of_infer(classifier: Classifier, texts: list[str]) -> None:
    encoded = classifier.encode(texts[:7])
    decisions = classifier.decide(encoded, classifier.infer(encoded))
    assert [decision.intent for decision in decisions] == [one.intent for one in classifier.classify(texts[:7])]


def test_threads_are_the_usable_cores_by_default(tiny_bundle: Path, classifier: Classifier) -> None:
    assert classifier.threads == 2
    assert Classifier.open(tiny_bundle, device="cpu", verify=False).threads == usable_cores() >= 1


@given(st.lists(st.integers(1, 128), max_size=200), st.integers(1, 4096))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], tokens: int) -> None:
    batches = list(sized_batches(lengths, tokens))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= tokens
    longest = [max(lengths[row] for row in batch) for batch in batches]
    assert longest == sorted(longest)


@pytest.mark.skipif(not cuda_available(), reason="no CUDA build of ONNX Runtime here")
def test_on_a_gpu_the_answers_are_those_of_the_cpu(tiny_bundle: Path, texts: list[str]) -> None:
    on_gpu = Classifier.open(tiny_bundle, device="cuda")
    assert on_gpu.device == "cuda"
    on_cpu = Classifier.open(tiny_bundle, device="cpu")
    pairs = zip(on_gpu.classify(texts), on_cpu.classify(texts), strict=True)
    assert np.mean([one.intent == other.intent for one, other in pairs]) > 0.9
