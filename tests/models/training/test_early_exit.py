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
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, Bundle
from triage_models.data.row_sketch import ROW_SKETCH, sketch
from triage_models.errors import DataError
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import Encoded, Engine, Outputs
from triage_models.training import candidate, early_exit, plan, train
from triage_models.training.batches import Examples
from triage_models.training.candidate import TrainingJob, add_early_exit
from triage_models.training.cross_fitting import FOLDS
from triage_models.training.early_exit import layers_to_leave_after
from triage_models.training.exit_graph import (
    Ensemble,
    add_exit,
    add_vector_nodes,
    exit_layers,
    leaves_early,
    shift_borders,
)
from triage_models.training.exits_of_bundle import add_exits_to_bundle
from triage_models.training.gpu_model import add_gpu_model
from triage_models.training.onnx_weights import load_network

from tests.models.tiny import LABELS, tiny_rows, write_csv

CLASSES, HIDDEN, LENGTH = len(LABELS) + 1, 8, 64
MEMBERS, SHARPNESS = 3, 1.5
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


def random_ensemble(width: int, sure: float) -> Ensemble:
    def draw(*shape: int) -> Floats:
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)

    hidden, bias = draw(width, MEMBERS * HIDDEN), draw(MEMBERS * HIDDEN)
    out, out_bias = draw(MEMBERS, HIDDEN, 2 * CLASSES), draw(MEMBERS, 1, 2 * CLASSES)
    return Ensemble(1, hidden, bias, out, out_bias, sure, SHARPNESS)


def members_of(ensemble: Ensemble, vectors: Floats) -> tuple[Floats, Floats]:
    """Compute the probabilities and similarities ``[M, B, C]`` of the members, one after the other."""
    active = torch.nn.functional.gelu(torch.from_numpy(vectors @ ensemble.hidden + ensemble.hidden_bias)).numpy()
    parts = [
        active[:, member * HIDDEN : (member + 1) * HIDDEN] @ ensemble.out[member] + ensemble.out_bias[member]
        for member in range(MEMBERS)
    ]
    both = torch.from_numpy(np.stack(parts))
    return both[..., :CLASSES].softmax(dim=2).numpy(), both[..., CLASSES:].numpy()


def answers_of(ensemble: Ensemble, vectors: Floats) -> tuple[Floats, Floats]:
    probabilities, similarity = members_of(ensemble, vectors)
    return SHARPNESS * np.log(probabilities.mean(axis=0).clip(min=1e-9)), similarity.mean(axis=0)


def agreed(ensemble: Ensemble, vectors: Floats) -> Floats:
    """Compute the highest probability ``[B]`` that every member gives to one class."""
    lowest: Floats = members_of(ensemble, vectors)[0].min(axis=0).max(axis=1)
    return lowest


def write_exit(file: Path, ensemble: Ensemble) -> None:
    model = onnx.load(str(file))
    add_exit(model, ensemble)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def close(one: Outputs, other: Outputs) -> bool:
    return all(np.allclose(*both, atol=2e-3) for both in zip(one, other, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_a_row_takes_the_ensemble_s_answer_or_that_of_the_whole_network(
    folder: Path, texts: list[str], name: str
) -> None:
    whole = Engine.open(folder, name, LENGTH)
    encoded = whole.encode(texts)
    vectors = vectors_of(folder / name, encoded)
    highest = agreed(random_ensemble(vectors.shape[1], 0.0), vectors)
    ensemble = random_ensemble(vectors.shape[1], float(np.median(highest)))
    logits, similarity = answers_of(ensemble, vectors)
    leaves = (highest >= ensemble.sure)[:, None]
    expected = whole.outputs(encoded)
    write_exit(folder / name, ensemble)
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
    ensemble = random_ensemble(vectors.shape[1], sure)
    write_exit(folder / CPU_MODEL, ensemble)
    found = Engine.open(folder, CPU_MODEL, LENGTH).outputs(encoded)
    assert close(found, whole.outputs(encoded) if sure else Outputs(*answers_of(ensemble, vectors)))


def test_an_answer_does_not_depend_on_the_batch(folder: Path, texts: list[str]) -> None:
    encoded = Engine.open(folder, CPU_MODEL, LENGTH).encode(texts)
    vectors = vectors_of(folder / CPU_MODEL, encoded)
    highest = agreed(random_ensemble(vectors.shape[1], 0.0), vectors)
    write_exit(folder / CPU_MODEL, random_ensemble(vectors.shape[1], float(np.median(highest)) - 1e-3))
    engine = Engine.open(folder, CPU_MODEL, LENGTH)
    together = engine.infer(encoded)
    alone = [engine.infer([row]) for row in encoded]
    assert close(together, Outputs(*(np.concatenate(part) for part in zip(*alone, strict=True))))


def test_a_network_with_exits_is_trained_further_like_one_without(folder: Path) -> None:
    before = {name: value.clone() for name, value in load_network(folder, 0.0).state_dict().items()}
    encoded = Engine.open(folder, CPU_MODEL, LENGTH).encode(["where is it"])
    width = vectors_of(folder / CPU_MODEL, encoded).shape[1]
    for name in MODELS:
        write_exit(folder / name, random_ensemble(width, 0.5))
    assert all(torch.equal(before[name], value) for name, value in load_network(folder, 0.0).state_dict().items())


def test_borders_can_be_shifted(folder: Path) -> None:
    encoded = Engine.open(folder, CPU_MODEL, LENGTH).encode(["where is it"])
    ensemble = random_ensemble(vectors_of(folder / CPU_MODEL, encoded).shape[1], 1.1)
    write_exit(folder / CPU_MODEL, ensemble)
    model = onnx.load(str(folder / CPU_MODEL))
    assert exit_layers(model.graph) == (1,)
    shift_borders(model, -1.1)
    onnx.save(model, str(folder / CPU_MODEL))
    vectors = vectors_of(folder / CPU_MODEL, encoded)
    assert close(Engine.open(folder, CPU_MODEL, LENGTH).outputs(encoded), Outputs(*answers_of(ensemble, vectors)))


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


@pytest.fixture(scope="module")
def held_out(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bundle whose training held rows out, and its data."""
    folder = tmp_path_factory.mktemp("held_out")
    data = write_csv(folder / "data.csv", tiny_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SMALL", 10)
        patch.setattr(plan, "HELD_OUT_ROWS", 1)
        return train(data, folder / "bundle", base=str(tiny_base), epochs=6), data


@pytest.mark.train
def test_a_trained_bundle_gets_exits_and_is_calibrated_to_them(
    held_out: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, data = held_out
    monkeypatch.setattr(plan, "SMALL", 10)
    monkeypatch.setattr(plan, "HELD_OUT_ROWS", 1)
    monkeypatch.setattr(early_exit, "STEPS", 200)
    made = add_exits_to_bundle(bundle, data, tmp_path / "fast")
    before, after = Bundle.open(bundle).manifest, Bundle.open(made).manifest
    assert leaves_early(made / CPU_MODEL)
    assert not (made / GPU_MODEL).exists()
    assert (after.name, after.labels) == ("fast", before.labels)
    assert after.version != before.version, "events name the version alone"
    assert after.training["recipe"]["early_exit"]
    assert after.thresholds.guarantee.calibration_rows == before.thresholds.guarantee.calibration_rows
    assert after.training["exits_added_to"] == f"{before.name} {before.version}"
    texts = [text for text, _ in tiny_rows(each=8)]
    on_cpu = Engine.open(made, CPU_MODEL, LENGTH)
    on_gpu = Engine.open(add_gpu_model(made, tmp_path / "gpu"), GPU_MODEL, LENGTH)
    assert leaves_early(tmp_path / "gpu" / GPU_MODEL)
    answers = [one.outputs(one.encode(texts)).logits.argmax(axis=1) for one in (on_cpu, on_gpu)]
    assert np.mean(answers[0] == answers[1]) > 0.9
    with pytest.raises(DataError, match="early already"):
        add_exits_to_bundle(made, data, tmp_path / "again")


@pytest.mark.train
def test_exits_need_the_data_that_the_bundle_was_trained_on(
    held_out: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, data = held_out
    other = write_csv(tmp_path / "other.csv", tiny_rows()[1:])
    with pytest.raises(DataError, match="is not the data"):
        add_exits_to_bundle(bundle, other, tmp_path / "fast")
    with pytest.raises(DataError, match="too small to hold rows out"):
        add_exits_to_bundle(bundle, data, tmp_path / "fast")
    monkeypatch.setattr(plan, "SMALL", 10)
    monkeypatch.setattr(plan, "HELD_OUT_ROWS", 1)
    seen = shutil.copytree(bundle, tmp_path / "seen")
    manifest = Bundle.open(seen).manifest
    training = manifest.training | {ROW_SKETCH: sketch(text for text, _ in tiny_rows())}
    (seen / MANIFEST).write_text(manifest.model_copy(update={"training": training}).model_dump_json(), encoding="utf-8")
    with pytest.raises(DataError, match="among those that it was trained on"):
        add_exits_to_bundle(seen, data, tmp_path / "fast")
    assert not (tmp_path / "fast").exists()


def rows_of_shops(shops: list[str], classes: list[int]) -> Examples:
    texts = [f"text {number}" for number in range(len(shops))]
    return Examples(texts, np.array(classes), np.ones(len(shops)), shops)


def test_all_rows_of_a_shop_are_kept_from_the_same_head() -> None:
    shops = [f"shop {number % 20}" for number in range(200)]
    folds = early_exit.folds_of(rows_of_shops(shops, [0, 1] * 100)).numpy()
    assert set(folds) == set(range(early_exit.MEMBERS))
    assert all(len(set(folds[number::20])) == 1 for number in range(20))


@pytest.mark.parametrize("shops", [["one"] * 200, ["one"] * 150 + [f"shop {number}" for number in range(50)]])
def test_with_few_shops_no_head_misses_most_rows(shops: list[str]) -> None:
    folds = early_exit.folds_of(rows_of_shops(shops, [0, 1] * 100)).numpy()
    assert np.bincount(folds, minlength=early_exit.MEMBERS).min() > 20


def test_every_head_knows_a_label_that_only_one_shop_has() -> None:
    shops = [f"shop {number % 20}" for number in range(200)]
    classes = [int(shop == "shop 7") for shop in shops]
    folds = early_exit.folds_of(rows_of_shops(shops, classes)).numpy()
    assert len(set(folds[7::20])) > 1


def test_a_head_learns_nothing_from_the_rows_that_are_kept_from_it() -> None:
    """What its own rows say is the opposite of what all others say, and it answers them like the others."""
    folds = torch.arange(500) % early_exit.MEMBERS
    vectors = torch.ones(500, 4)
    targets = torch.zeros(500, 2)
    targets[torch.arange(500), (folds == 0).long()] = 1.0
    weights = (folds != torch.arange(early_exit.MEMBERS)[:, None]).double()
    rows = early_exit.Rows(vectors, targets, torch.zeros(500, 2), weights)
    heads = early_exit.fit_heads(rows, 100, 0)
    with torch.no_grad():
        probabilities = heads(vectors[:1].expand(early_exit.MEMBERS, -1, -1))[:, 0, :2].softmax(dim=1)
    assert probabilities[0, 1] < 0.1
    assert probabilities[1:, 1].min() > 0.2
    wrong = early_exit.wrong_unseen(heads, rows, targets.argmax(dim=1), folds)
    assert torch.equal(wrong, (folds == 0).float())


def test_an_ensemble_reads_raw_vectors_as_its_heads_read_standardized_ones() -> None:
    torch.manual_seed(0)
    heads, raw = early_exit.Heads(6, 3).eval(), torch.randn(7, 6) * 3 + 1
    mean, deviation = raw.mean(dim=0), raw.std(dim=0)
    ensemble = early_exit.reading_raw(heads, mean.numpy(), deviation.numpy(), 1)
    with torch.no_grad():
        expected = heads(((raw - mean) / deviation).expand(early_exit.MEMBERS, -1, -1)).numpy()
    active = torch.nn.functional.gelu(torch.from_numpy(raw.numpy() @ ensemble.hidden + ensemble.hidden_bias)).numpy()
    by_member = active.reshape(7, early_exit.MEMBERS, -1).transpose(1, 0, 2)
    assert np.allclose(by_member @ ensemble.out + ensemble.out_bias, expected, atol=1e-4)
