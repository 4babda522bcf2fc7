"""Weight averaging: the mean of several training runs from the same weights, which costs nothing when it serves.

The mean of several runs drops what a single run learns or breaks by chance. For continued training, a point between the
old weights and that mean retains nearly all of what was learned and forgets less of what was known: see
docs/learning.md. For a new network, the mean itself: see docs/evaluation.md.
"""

from collections.abc import Callable, Iterable

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
    mean = mean_weights(train(number) for number in range(RUNS))
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(mean[name], INTERPOLATION)
    return network.eval()


def mean_weights(networks: Iterable[Network]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights of networks of one shape, by name; integers are taken from the first.

    One network at a time is in memory if they come from a generator.
    """
    total: dict[str, torch.Tensor] = {}
    count = 0
    for network in networks:
        count += 1
        for name, value in network.state_dict().items():
            if name not in total:
                total[name] = value.clone()
            elif value.is_floating_point():
                total[name] += value
    return {name: value / count if value.is_floating_point() else value for name, value in total.items()}
