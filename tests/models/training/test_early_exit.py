"""Texts leave the network where an early layer is sure of them, and a text's answer never depends on its batch."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the [train] extra")

import onnx
import onnxruntime as ort
import torch
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import Encoded, Engine, Outputs
from triage_models.training import candidate, early_exit, train
from triage_models.training.candidate import TrainingJob, add_early_exit
from triage_models.training.cross_fitting import FOLDS
from triage_models.training.early_exit import layers_to_leave_after
from triage_models.training.exit_graph import (
    ExitHead,
    add_exit,
    add_vector_nodes,
    exit_layers,
    leaves_early,
    shift_borders,
)
from triage_models.training.onnx_weights import load_network

from tests.models.tiny import LABELS, tiny_rows, write_csv

CLASSES, HIDDEN, LENGTH = len(LABELS) + 1, 8, 64
MODELS = (CPU_MODEL, GPU_MODEL)
Floats = NDArray[np.float32]


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [text for text, _ in tiny_rows(each=8)]


def vectors_of(file: Path, encoded: list[Encoded]) -> Floats:
    """Compute what a head after the first layer reads, one text at a time."""
    model = onnx.load(str(file))
    name = add_vector_nodes(model.graph, 1, "/read")
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = []
    for row in encoded:
        ids = np.asarray([row.ids])
        rows.append(session.run([name], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0])
    return np.concatenate(rows)


def random_head(width: int, sure: float) -> ExitHead:
    def draw(*shape: int) -> Floats:
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)

    return ExitHead(1, draw(width, HIDDEN), draw(HIDDEN), draw(HIDDEN, 2 * CLASSES), draw(2 * CLASSES), sure)


def answers_of(head: ExitHead, vectors: Floats) -> tuple[Floats, Floats]:
    active = torch.nn.functional.gelu(torch.from_numpy(vectors @ head.hidden + head.hidden_bias)).numpy()
    both = active @ head.out + head.out_bias
    return both[:, :CLASSES], both[:, CLASSES:]


def write_exit(file: Path, head: ExitHead) -> None:
    model = onnx.load(str(file))
    add_exit(model, head)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def close(one: Outputs, other: Outputs) -> bool:
    return all(np.allclose(*both, atol=2e-3) for both in zip(one, other, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_a_row_takes_the_head_s_answer_or_that_of_the_whole_network(folder: Path, texts: list[str], name: str) -> None:
    whole = Engine.open(folder, name, LENGTH)
    encoded = whole.encode(texts)
    vectors = vectors_of(folder / name, encoded)
    logits, similarity = answers_of(random_head(vectors.shape[1], 0.0), vectors)
    highest = torch.from_numpy(logits).softmax(dim=1).amax(dim=1).numpy()
    head = random_head(vectors.shape[1], float(np.median(highest)))
    leaves = (highest >= head.sure)[:, None]
    expected = whole.outputs(encoded)
    write_exit(folder / name, head)
    found = Engine.open(folder, name, LENGTH).outputs(encoded)
    assert 0 < leaves.sum() < len(texts)
    assert np.allclose(found.logits, np.where(leaves, logits, expected.logits), atol=2e-2)
    assert np.allclose(found.similarity, np.where(leaves, similarity, expected.similarity), atol=2e-2)


@pytest.mark.parametrize("sure", [0.0, 1.1], ids=["all leave", "none leaves"])
def test_batches_of_one_way_are_answered(folder: Path, texts: list[str], sure: float) -> None:
    """ONNX Runtime's kernels crash on a batch without rows, which the later layers would get where all leave."""
    whole = Engine.open(folder, CPU_MODEL, LENGTH)
    encoded = whole.encode(texts)
    vectors = vectors_of(folder / CPU_MODEL, encoded)
    head = random_head(vectors.shape[1], sure)
    write_exit(folder / CPU_MODEL, head)
    found = Engine.open(folder, CPU_MODEL, LENGTH).outputs(encoded)
    assert close(found, whole.outputs(encoded) if sure else Outputs(*answers_of(head, vectors)))


def test_an_answer_does_not_depend_on_the_batch(folder: Path, texts: list[str]) -> None:
    encoded = Engine.open(folder, CPU_MODEL, LENGTH).encode(texts)
    vectors = vectors_of(folder / CPU_MODEL, encoded)
    highest = torch.from_numpy(answers_of(random_head(vectors.shape[1], 0.0), vectors)[0]).softmax(dim=1).amax(dim=1)
    write_exit(folder / CPU_MODEL, random_head(vectors.shape[1], float(highest.median()) - 1e-3))
    engine = Engine.open(folder, CPU_MODEL, LENGTH)
    together = engine.infer(encoded)
    alone = [engine.infer([row]) for row in encoded]
    assert close(together, Outputs(*(np.concatenate(part) for part in zip(*alone, strict=True))))


def test_a_network_with_exits_is_trained_further_like_one_without(folder: Path) -> None:
    before = {name: value.clone() for name, value in load_network(folder, 0.0).state_dict().items()}
    encoded = Engine.open(folder, CPU_MODEL, LENGTH).encode(["where is it"])
    width = vectors_of(folder / CPU_MODEL, encoded).shape[1]
    for name in MODELS:
        write_exit(folder / name, random_head(width, 0.5))
    assert all(torch.equal(before[name], value) for name, value in load_network(folder, 0.0).state_dict().items())


def test_borders_can_be_shifted(folder: Path) -> None:
    encoded = Engine.open(folder, CPU_MODEL, LENGTH).encode(["where is it"])
    head = random_head(vectors_of(folder / CPU_MODEL, encoded).shape[1], 1.1)
    write_exit(folder / CPU_MODEL, head)
    model = onnx.load(str(folder / CPU_MODEL))
    assert exit_layers(model.graph) == (1,)
    shift_borders(model, -1.1)
    onnx.save(model, str(folder / CPU_MODEL))
    vectors = vectors_of(folder / CPU_MODEL, encoded)
    assert close(Engine.open(folder, CPU_MODEL, LENGTH).outputs(encoded), Outputs(*answers_of(head, vectors)))


@pytest.mark.parametrize(("layers", "after"), [(2, (1,)), (3, (1, 2)), (6, (1, 2, 3)), (12, (2, 4, 6))])
def test_texts_may_leave_in_the_first_half(layers: int, after: tuple[int, ...]) -> None:
    assert layers_to_leave_after(layers) == after


@pytest.mark.train
def test_a_bundle_is_trained_with_exits(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(models: Sequence[Path], job: TrainingJob, *, layers: int) -> None:
        add_early_exit(models, job, layers=layers)
        rows.append(len(job.examples))
        assert leaves_early(models[0])

    rows: list[int] = []
    monkeypatch.setattr(candidate, "add_early_exit", noted)
    monkeypatch.setattr(early_exit, "MIN_ROWS", len(tiny_rows()))
    monkeypatch.setattr(early_exit, "STEPS", 200)
    data = write_csv(tmp_path / "data.csv", tiny_rows())
    bundle = train(data, tmp_path / "bundle", base=str(tiny_base), epochs=6, early_exit=True)
    assert all(leaves_early(bundle / name) for name in MODELS)
    assert len(rows) == 1 + FOLDS, "the networks that calibrate it have exits, too, although they have fewer rows"
    assert max(rows[1:]) < early_exit.MIN_ROWS <= rows[0]
    decisions = Classifier.open(bundle).classify([text for text, _ in tiny_rows(each=8)])
    right = [found.intent == label for found, (_, label) in zip(decisions, tiny_rows(each=8), strict=True)]
    assert np.mean(right[: 8 * len(LABELS)]) > 0.5


@pytest.mark.train
def test_few_rows_have_no_exits(tiny_base: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", tiny_rows())
    bundle = train(data, tmp_path / "bundle", base=str(tiny_base), epochs=1, gpu_model=False, early_exit=True)
    assert not leaves_early(bundle / CPU_MODEL)
