"""A network with fewer layers: which layers it keeps, and what it learns of the one with all of them."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import json
from dataclasses import replace

import torch
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, Bundle
from triage_models.training import train
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.layer_dropping import deep_lesson, keep_layers, spaced
from triage_models.training.network import Network
from triage_models.training.recipe import recipe_for

from tests.models.tiny import EACH, tiny_rows, write_csv

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("threads_restored")]

TEXTS = ["where is my parcel", "cancel it"]


def network(base: Path) -> Network:
    torch.manual_seed(0)
    return Network(load_encoder(str(base)), 3, 0.1).eval()


@pytest.mark.parametrize(("layers", "of", "kept"), [(6, 12, [1, 3, 5, 7, 9, 11]), (1, 2, [1]), (2, 2, [0, 1])])
def test_the_kept_layers_are_evenly_spaced_and_the_last_is_one_of_them(layers: int, of: int, kept: list[int]) -> None:
    assert spaced(layers, of) == kept


def test_a_network_keeps_the_weights_of_its_layers(tiny_base: Path) -> None:
    whole, short = network(tiny_base), keep_layers(network(tiny_base), 1)
    last = whole.encoder.transformer.layer[-1].state_dict()
    assert short.encoder.config.n_layers == len(short.encoder.transformer.layer) == 1
    for name, value in short.encoder.transformer.layer[0].state_dict().items():
        assert torch.equal(value, last[name]), name


def test_the_deeper_network_is_trained_once(tiny_base: Path, tmp_path: Path) -> None:
    trained: list[Path] = []

    def train_deep(checkpoint: Path) -> Network:
        trained.append(checkpoint)
        found = network(tiny_base)
        torch.nn.init.ones_(found.head.bias)
        return found

    tokenizer = load_tokenizer(str(tiny_base))
    first, again = (
        deep_lesson(lambda: network(tiny_base), train_deep, tokenizer, TEXTS, tmp_path / "teachers", bfloat16=False)
        for _ in range(2)
    )
    assert len(trained) == 1
    assert again.deep is not None
    assert torch.equal(again.deep.head.bias, torch.ones(3))
    assert torch.equal(first.probabilities, again.probabilities)
    assert first.probabilities.shape == (2, 3)
    assert first.embeddings is not None
    assert len(first.embeddings) == 2


def test_a_bundle_with_fewer_layers_is_trained(tiny_base: Path, tiny_csv: Path, tmp_path: Path) -> None:
    known = set(tiny_rows())
    held = write_csv(tmp_path / "held.csv", [row for row in tiny_rows(each=EACH + 12) if row not in known])
    recipe = replace(recipe_for(100), epochs=8.0, rate=2e-3, layers=1, anchor=1.0, layers_frozen=0.0)
    bundle = train(
        tiny_csv, tmp_path / "bundle", validation=held, base=str(tiny_base), recipe=recipe, gpu_model=False,
        languages=["en", "fr"],
    )  # fmt: skip
    manifest = Bundle.open(bundle).manifest
    assert json.loads((bundle / "config.json").read_text())["n_layers"] == 1
    assert not (bundle / GPU_MODEL).exists()
    assert set(manifest.golden) == {CPU_MODEL}
    assert "fp16" not in (bundle / "README.md").read_text()
    assert manifest.languages == ("en", "fr")
    assert manifest.by_language is None  # too few rows to choose one
    log = [json.loads(line) for line in (bundle / "training.jsonl").read_text().splitlines()]
    served = [step["loss"] for step in log if step["share"] > 0.5]  # before that it is the network with all layers
    assert served[-1] < served[0]
