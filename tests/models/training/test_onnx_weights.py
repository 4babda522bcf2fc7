"""Loading the network of a bundle from its fp16 model, or its int8 model; and making the former of the latter."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, Bundle
from triage_models.errors import DataError
from triage_models.serving.engine import Engine, open_tokenizer
from triage_models.training.gpu_model import add_gpu_model
from triage_models.training.inference import predict_logits
from triage_models.training.onnx_weights import load_network
from triage_models.training.pipeline import train
from triage_models.training.recipe import recipe_for

from tests.models.tiny import tiny_rows

pytestmark = pytest.mark.train


@pytest.mark.parametrize("shipped", [False, True], ids=["tiny", "shipped"])
def test_the_loaded_network_gives_the_logits_of_the_model(tiny_bundle: Path, shipped: bool) -> None:
    folder = DEFAULT_BUNDLE if shipped else tiny_bundle
    longest = Bundle.open(folder, verify=False).max_length
    texts = [text for text, _ in tiny_rows()]
    network = load_network(folder, dropout=0.1)
    ours = predict_logits(network, open_tokenizer(folder / "tokenizer.json", longest), texts).numpy()
    engine = Engine.open(folder, GPU_MODEL, longest)
    theirs = engine.outputs(engine.encode(texts)).logits
    assert np.abs(ours - theirs).max() < 0.005 * np.abs(theirs).max()  # 16 bits have three digits


def test_the_word_head_is_trained_exported_and_loaded(tiny_base: Path, tiny_csv: Path, tmp_path: Path) -> None:
    recipe = replace(recipe_for(100), epochs=2, word_share=0.25)
    folder = train(tiny_csv, tmp_path / "bundle", base=str(tiny_base), recipe=recipe)
    network = load_network(folder, dropout=0.1)
    assert network.word_head is not None
    assert float(network.word_head.share) == 0.25
    texts = [text for text, _ in tiny_rows()]
    ours = predict_logits(network, open_tokenizer(folder / "tokenizer.json", 64), texts).numpy()
    engine = Engine.open(folder, GPU_MODEL, 64)
    theirs = engine.outputs(engine.encode(texts)).logits
    assert np.abs(ours - theirs).max() < 0.005 * np.abs(theirs).max()


@pytest.fixture
def int8_only(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle without the fp16 model."""
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "int8"))
    (folder / GPU_MODEL).unlink()
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["files"][GPU_MODEL], manifest["golden"][GPU_MODEL]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def test_without_fp16_model_the_weights_are_those_of_the_int8_model(tiny_bundle: Path, int8_only: Path) -> None:
    tokenizer, texts = open_tokenizer(int8_only / "tokenizer.json", 64), [text for text, _ in tiny_rows()]
    exact, rounded = (
        predict_logits(load_network(folder, dropout=0.1), tokenizer, texts).numpy()
        for folder in (tiny_bundle, int8_only)
    )
    assert 0 < np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()


def test_a_gpu_model_is_made_of_the_int8_model(int8_only: Path, tmp_path: Path) -> None:
    output = add_gpu_model(int8_only, tmp_path / "with")
    bundle, texts = Bundle.open(output), [text for text, _ in tiny_rows()]
    assert set(bundle.manifest.golden) == {CPU_MODEL, GPU_MODEL}
    answers = []
    for name in (CPU_MODEL, GPU_MODEL):
        engine = Engine.open(output, name, bundle.max_length)
        answers.append(engine.outputs(engine.encode(texts)))
    cpu, gpu = answers
    assert np.abs(cpu.logits - gpu.logits).max() < 0.1 * np.abs(cpu.logits).max()
    assert np.abs(cpu.similarity - gpu.similarity).max() < 0.1
    with pytest.raises(DataError, match="already"):
        add_gpu_model(output, tmp_path / "again")


def test_a_bundle_without_models_is_refused(int8_only: Path) -> None:
    (int8_only / CPU_MODEL).unlink()
    with pytest.raises(DataError, match="has no model"):
        load_network(int8_only, dropout=0.1)


def test_a_model_of_another_kind_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    shutil.copyfile(tiny_bundle / "model.int8.onnx", tmp_path / "bundle" / GPU_MODEL)
    with pytest.raises(DataError, match="not a model that this version"):
        load_network(tmp_path / "bundle", dropout=0.1)
