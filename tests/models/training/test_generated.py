"""Rows that no customer wrote: how often they are drawn, the head that learns them, and what a plan says of them."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from triage_models.bundle.bundle import GPU_MODEL, Bundle
from triage_models.errors import DataError
from triage_models.serving.engine import Engine, open_tokenizer
from triage_models.training import generated_head, train
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.batches import Examples
from triage_models.training.generated_head import add_generated_head
from triage_models.training.generated_rows import DRAWN_PER_CLASS, mixed
from triage_models.training.inference import embed_layers, predict_logits
from triage_models.training.network import Network
from triage_models.training.onnx_weights import load_network
from triage_models.training.plan import make_plan

from tests.models.tiny import LABELS, tiny_rows, write_csv

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("threads_restored")]

SLOTS = ("order {}", "parcel {}", "purchase no {}", "shipment {}")


def examples(rows: list[tuple[str, int]]) -> Examples:
    return Examples([text for text, _ in rows], np.array([number for _, number in rows]), np.ones(len(rows)))


def templates(count: int) -> list[tuple[str, int]]:
    """Return texts of two templates, each with a class: 2 and 3."""
    forms = (
        "{{{{Name}}}} help me with {} {{{{Order Number}}}}",
        "{{{{Name}}}} question about {} {{{{Refund Amount}}}}",
    )
    return [
        (forms[number % 2].format(SLOTS[number // 2 % 4].format(number)), 2 + number % 2) for number in range(count)
    ]


def test_an_epoch_draws_few_generated_rows_and_never_more_than_own_rows() -> None:
    own = Examples(["a"] * 1_000 + ["b"] * 10, np.array([0] * 1_000 + [1] * 10), np.ones(1_010))
    generated = Examples(
        ["x"] * 3_000 + ["y"] * 40 + ["z"] * 5, np.array([0] * 3_000 + [1] * 40 + [2] * 5), np.ones(3_045)
    )
    both = mixed(own, generated)
    drawn = np.bincount(both.classes[1_010:], weights=both.weights[1_010:])
    assert drawn == pytest.approx([DRAWN_PER_CLASS, 10, 0])
    assert both.texts[:1_010] == own.texts
    assert np.array_equal(both.weights[:1_010], own.weights)


def test_few_generated_rows_are_drawn_once_in_an_epoch() -> None:
    own, generated = examples([("a", 0)] * 100), examples([("x", 0)] * 20)
    assert mixed(own, generated).weights.max() == 1.0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated_head, "MIN_ROWS", 50)
    monkeypatch.setattr(generated_head, "STEPS", 150)
    monkeypatch.setattr(generated_head, "BATCH", 64)


@pytest.mark.usefixtures("small")
def test_the_head_answers_generated_texts_and_leaves_the_others_alone(tiny_base: Path) -> None:
    """The class of a template differs from what the network says, so that only the head can know it."""
    tokenizer = load_tokenizer(str(tiny_base))
    torch.manual_seed(0)
    network = Network(load_encoder(str(tiny_base)), 4, 0.1)
    own = examples([(text, 0) for text, _ in tiny_rows(each=30)])
    learned, new = templates(200)[:150], templates(200)[150:]
    unseen = [text for text, _ in tiny_rows(each=60) if text not in own.texts]
    before = predict_logits(network, tokenizer, unseen)
    add_generated_head(network, tokenizer, own, examples(learned), seed=0)
    assert network.generated is not None
    assert not any(parameter.requires_grad for parameter in network.generated.parameters())
    answered = predict_logits(network, tokenizer, [text for text, _ in new]).argmax(dim=1)
    assert answered.tolist() == [number for _, number in new]
    moved = (predict_logits(network, tokenizer, unseen) - before).abs().amax(dim=1)
    assert float((moved < 0.05).float().mean()) > 0.95


@pytest.mark.parametrize(("own", "generated"), [(40, 200), (200, 40)])
def test_too_few_rows_of_either_kind_make_no_head(tiny_base: Path, own: int, generated: int) -> None:
    network = Network(load_encoder(str(tiny_base)), 4, 0.1)
    rows = [(text, 0) for text, _ in tiny_rows(each=60)][:own]
    add_generated_head(network, load_tokenizer(str(tiny_base)), examples(rows), examples(templates(generated)), seed=0)
    assert network.generated is None


def generated_csv(folder: Path) -> Path:
    rows = [(text, LABELS[number]) for text, number in templates(120)]
    return write_csv(folder / "generated.csv", rows)


@pytest.mark.usefixtures("small")
def test_a_bundle_trained_with_generated_rows_serves_them_and_can_be_loaded(tiny_base: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", tiny_rows(each=16))
    folder = train(data, tmp_path / "mine", generated=generated_csv(tmp_path), base=str(tiny_base), epochs=2)
    bundle = Bundle.open(folder)
    assert bundle.manifest.thresholds.guarantee.calibration_rows <= 80, "generated rows judge nothing"
    texts = [text for text, _ in templates(60)] + [text for text, _ in tiny_rows(each=8)]
    engine = Engine.open(folder, GPU_MODEL, bundle.max_length)
    served = engine.outputs(engine.encode(texts)).logits
    assert served[:60].argmax(axis=1).tolist() == [bundle.labels.index(LABELS[n]) for _, n in templates(60)]
    network, tokenizer = load_network(folder, 0.1), open_tokenizer(folder / "tokenizer.json", bundle.max_length)
    loaded = predict_logits(network, tokenizer, texts).numpy()
    assert np.abs(loaded - served).max() < 0.01 * np.abs(served).max()
    assert embed_layers(network, tokenizer, texts[:2]).shape == (2, 3 * 48)


def test_generated_rows_are_only_trained_on(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", tiny_rows(each=16))
    copied = write_csv(tmp_path / "generated.csv", [("Totally new", "wismo"), *tiny_rows(each=1)])
    plan = make_plan(data, None, None, None, 0, copied)
    assert (plan.generated.texts, plan.generated.labels) == (["Totally new"], ["WISMO"])
    assert "5 generated rows are in the data too and not used as generated." in plan.notes
    assert "Totally new" not in plan.train.texts


def test_generated_rows_with_a_label_that_the_data_lacks_are_refused(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", tiny_rows(each=4))
    other = write_csv(tmp_path / "generated.csv", [("when do you open", "OPENING_HOURS")])
    with pytest.raises(
        DataError, match=r"generated.csv has labels that the training data lacks: OPENING_HOURS \(1 row\)"
    ):
        make_plan(data, None, None, None, 0, other)
