"""A network trained on from where it stands: the mean of several trainings, and some of the way back.

What one training breaks by chance the others do not, and their mean keeps little of it. A point on the line from the
old weights to the new ones has nearly all of what was learnt and has forgotten less: see docs/learning.md.
"""

from collections.abc import Callable

import torch

from triage_models.training.network import Network

TRAININGS = 2
MOVED = 0.75
"""How far the weights go from where they were to where the trainings have led."""


def trained_further(standing: Network, train: Callable[[int], Network]) -> Network:
    """Move a network towards the mean of what trainings make of it, in place.

    Args:
        standing: as it was before.
        train: trains a copy of it; the number, from 0, makes trainings differ.
    """
    total: dict[str, torch.Tensor] = {}
    for number in range(TRAININGS):
        for name, value in train(number).state_dict().items():
            total[name] = value.clone() if number == 0 else total[name] + value
    with torch.no_grad():
        for name, value in standing.state_dict().items():
            if value.is_floating_point():
                value.lerp_(total[name] / TRAININGS, MOVED)
    return standing.eval()
