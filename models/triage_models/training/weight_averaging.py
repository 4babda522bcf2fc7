"""Continued training by weight averaging: several runs from the same weights, their mean, and interpolation back.

The mean of several runs drops what a single run breaks by chance. A point between the old weights and that mean retains
nearly all of what was learned and forgets less of what was known: see docs/learning.md.
"""

from collections.abc import Callable

import torch

from triage_models.training.network import Network

RUNS = 2
INTERPOLATION = 0.75
"""How far the weights move from the old ones (0) to the mean of the runs (1)."""


def train_and_average(network: Network, train: Callable[[int], Network]) -> Network:
    """Move a network's weights towards the mean of several training runs, in place.

    Args:
        network: the network before training.
        train: trains a copy of it; the number of the run, counted from 0, makes the runs differ.

    Returns:
        The network, in evaluation mode.
    """
    total: dict[str, torch.Tensor] = {}
    for number in range(RUNS):
        for name, value in train(number).state_dict().items():
            total[name] = value.clone() if number == 0 else total[name] + value
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(total[name] / RUNS, INTERPOLATION)
    return network.eval()
