"""Learning rates: their schedule, and those of each layer."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.training.base_model import load_encoder
from triage_models.training.network import Network
from triage_models.training.optimization import parameter_groups, rate_factor
from triage_models.training.recipe import Recipe

RECIPE = Recipe(epochs=4, batch=8, rate=3e-4, head_rate=1e-2, noise=0.3)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    rates = [rate_factor(share, 0.1) for share in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1.0, abs=0.02)
    assert 9 <= int(np.argmax(rates)) <= 11
    assert rates[-1] == 0.0


def test_lower_layers_learn_more_slowly_and_norms_have_no_weight_decay(tiny_base: Path) -> None:
    network = Network(load_encoder(str(tiny_base)), 3, RECIPE.dropout)
    groups = parameter_groups(network, RECIPE)
    rate = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    named = dict(network.named_parameters())
    assert rate.keys() == {id(parameter) for parameter in named.values()}
    words, norm = named["encoder.embeddings.word_embeddings.weight"], named["encoder.embeddings.LayerNorm.weight"]
    first, last = (named[f"encoder.transformer.layer.{layer}.ffn.lin1.weight"] for layer in (0, 1))
    order = [rate[id(parameter)] for parameter in (words, first, last, network.head.weight)]
    assert order == sorted(order)
    assert len(set(order)) == 4
    assert (decay[id(norm)], decay[id(words)]) == (0.0, RECIPE.weight_decay)
