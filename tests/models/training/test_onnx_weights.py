"""Loading the network of a bundle from its fp16 model."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import GPU_MODEL, Bundle
from triage_models.errors import DataError
from triage_models.serving.engine import Engine, open_tokenizer
from triage_models.training.inference import predict_logits
from triage_models.training.onnx_weights import load_network

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


def test_a_bundle_without_its_fp16_model_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / GPU_MODEL).unlink()
    with pytest.raises(DataError, match=f"has no {GPU_MODEL}"):
        load_network(tmp_path / "bundle", dropout=0.1)


def test_a_model_of_another_kind_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    shutil.copyfile(tiny_bundle / "model.int8.onnx", tmp_path / "bundle" / GPU_MODEL)
    with pytest.raises(DataError, match="not a model that this version"):
        load_network(tmp_path / "bundle", dropout=0.1)
