"""Weight averaging: interpolation between the old weights and the mean of several runs."""

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from transformers import DistilBertConfig, DistilBertModel
from triage_models.training.network import Network
from triage_models.training.weight_averaging import INTERPOLATION, RUNS, mean_weights, train_and_average

pytestmark = pytest.mark.train


def network(value: float) -> Network:
    """Build a tiny network with all weights equal."""
    config = DistilBertConfig(vocab_size=10, dim=8, hidden_dim=8, n_layers=1, n_heads=2, max_position_embeddings=8)
    made = Network(DistilBertModel(config), classes=3, dropout=0.1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.fill_(value)
    return made


def test_weights_move_part_of_the_way_to_the_mean_of_the_runs() -> None:
    asked: list[int] = []

    def train(number: int) -> Network:
        asked.append(number)
        return network(2.0 + number)

    moved = train_and_average(network(1.0), train)
    assert asked == list(range(RUNS))
    mean = 2.0 + (RUNS - 1) / 2
    for parameter in moved.parameters():
        assert torch.allclose(parameter, torch.tensor(1.0 + INTERPOLATION * (mean - 1.0)))
    assert not moved.training
    assert moved.encoder.embeddings.position_ids.tolist() == [list(range(8))], "what is no weight stays as it is"


def test_the_mean_of_weights_is_taken_by_name() -> None:
    mean = mean_weights(network(value) for value in (1.0, 2.0, 6.0))
    assert {float(value.mean()) for value in mean.values() if value.is_floating_point()} == {3.0}
