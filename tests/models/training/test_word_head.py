"""The word head: what it learns, how it is weighed, and that the fit and the graph agree."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from tokenizers import Tokenizer
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.batches import Examples, pad, token_ids
from triage_models.training.inference import predict_logits
from triage_models.training.network import Network
from triage_models.training.word_head import WordHead, fit_word_head

from tests.models.tiny import LABELS, tiny_rows

CLASSES = len(LABELS) + 2
"""The labels, and two classes that have no rows."""


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Tokenizer:
    return load_tokenizer(str(tiny_base))


@pytest.fixture(scope="module")
def examples() -> Examples:
    rows = [row for row in tiny_rows(each=24) if row[1] in LABELS]
    classes = np.array([LABELS.index(label) for _, label in rows])
    return Examples([text for text, _ in rows], classes, np.ones(len(rows)))


@pytest.fixture(scope="module")
def head(tokenizer: Tokenizer, examples: Examples) -> WordHead:
    return fit_word_head(tokenizer, examples, tokenizer.get_vocab_size(), CLASSES, share=0.4)


def logits(head: WordHead, tokenizer: Tokenizer, texts: list[str]) -> torch.Tensor:
    found: torch.Tensor = head(*pad(token_ids(tokenizer, texts)))
    return found


def test_it_learns_the_rows(head: WordHead, tokenizer: Tokenizer, examples: Examples) -> None:
    found = logits(head, tokenizer, list(examples.texts)).argmax(1).numpy()
    assert (found == examples.classes).mean() > 0.9


def test_a_class_without_rows_is_never_the_answer(head: WordHead, tokenizer: Tokenizer, examples: Examples) -> None:
    probabilities = logits(head, tokenizer, list(examples.texts)).softmax(1)
    assert float(probabilities[:, len(LABELS) :].max()) < 1e-3


def test_the_graph_computes_what_was_fitted(tokenizer: Tokenizer) -> None:
    """Two words that only their order tells apart: without pairs, lengths and weights as fitted this cannot work."""
    texts = ["order cancel", "cancel order"] * 20
    rows = Examples(texts, np.array([0, 1] * 20), np.ones(40))
    head = fit_word_head(tokenizer, rows, tokenizer.get_vocab_size(), 2, share=0.4)
    probabilities = logits(head, tokenizer, texts[:2]).softmax(1)
    assert probabilities[0, 0] > 0.9
    assert probabilities[1, 1] > 0.9


def test_unknown_words_make_the_answer_less_sure(head: WordHead, tokenizer: Tokenizer, examples: Examples) -> None:
    texts = list(examples.texts)
    sure = logits(head, tokenizer, texts).softmax(1).amax(1).mean()
    unsure = logits(head, tokenizer, [f"{text} zebra quartz violin" for text in texts]).softmax(1).amax(1).mean()
    assert unsure < sure - 0.05


def test_padding_changes_nothing(head: WordHead, tokenizer: Tokenizer, examples: Examples) -> None:
    short, long = sorted(examples.texts, key=len)[:: len(examples.texts) - 1]
    alone, beside = logits(head, tokenizer, [short]), logits(head, tokenizer, [short, long])
    torch.testing.assert_close(alone[0], beside[0])


def test_rows_of_more_weight_count_more(tokenizer: Tokenizer) -> None:
    texts, classes = ["where is it"] * 2, np.array([0, 1])
    for heavy in (0, 1):
        weights = np.array([3.0, 1.0] if heavy == 0 else [1.0, 3.0])
        head = fit_word_head(tokenizer, Examples(texts, classes, weights), tokenizer.get_vocab_size(), 2, share=0.4)
        assert int(logits(head, tokenizer, texts[:1]).argmax()) == heavy


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_answer_is_a_geometric_mean(
    head: WordHead, tokenizer: Tokenizer, examples: Examples, tiny_base: Path, share: float
) -> None:
    torch.manual_seed(0)
    network = Network(load_encoder(str(tiny_base)), CLASSES, dropout=0.1)
    texts = list(examples.texts[:8])
    of_encoder = predict_logits(network, tokenizer, texts).softmax(1)
    of_words = logits(head, tokenizer, texts).softmax(1)
    before = head.share.clone()
    network.word_head = head
    head.share.fill_(share)
    found = predict_logits(network, tokenizer, texts).softmax(1)
    head.share.copy_(before)
    expected = of_encoder ** (1 - share) * of_words**share
    torch.testing.assert_close(found, expected / expected.sum(1, keepdim=True), atol=1e-5, rtol=1e-4)
