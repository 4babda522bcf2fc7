"""The training loss: labels, teachers, the anchor to the base model, and R-Drop."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triage_models.training.batches import Examples
from triage_models.training.network import Network
from triage_models.training.precision import mixed_precision
from triage_models.training.recipe import Recipe

TEACHER_SHARE = 0.7
"""Share of the loss that comes from the teachers, if there are any; the rest comes from the labels."""


@dataclass(frozen=True)
class Targets:
    """What a network learns for N rows.

    Attributes:
        classes: ``[N]`` class indices.
        teacher_probabilities: ``[N, C]`` the mean prediction of the teachers, if there are any.
        base_embeddings: ``[N, D]`` the embeddings that the network's are kept near, if they are anchored.
    """

    classes: Tensor
    teacher_probabilities: Tensor | None = None
    base_embeddings: Tensor | None = None

    def take(self, rows: Tensor) -> "Targets":
        """Return the targets of the rows at these positions."""
        teachers, base = (
            None if one is None else one[rows] for one in (self.teacher_probabilities, self.base_embeddings)
        )
        return Targets(self.classes[rows], teachers, base)


def class_weights(examples: Examples, classes: int, balance: float) -> Tensor:
    """Return weights ``[C]``: inverse class frequency to the power ``balance``, with a mean of 1 over the rows."""
    mass = np.bincount(examples.classes, weights=examples.weights, minlength=classes).clip(min=1e-9)
    weights = (mass.sum() / (classes * mass)) ** balance
    return torch.tensor(weights / (weights * mass).sum() * mass.sum(), dtype=torch.float32)


def training_loss(
    network: Network, ids: Tensor, mask: Tensor, targets: Targets, weights: Tensor, recipe: Recipe
) -> Tensor:
    """Compute the loss of one batch.

    Args:
        network: the network, in training mode.
        ids: ``[B, T]`` token ids.
        mask: ``[B, T]``
        targets: those of the B rows.
        weights: ``[C]`` class weights.
        recipe: weighs the parts of the loss.
    """
    twice = bool(recipe.r_drop)
    if twice:
        targets = targets.take(torch.arange(len(ids)).repeat(2))
        ids, mask = torch.cat([ids, ids]), torch.cat([mask, mask])
    with mixed_precision(wanted=recipe.bfloat16):
        embedded = network.embed(ids, mask)
        logits = network.head(network.dropout(embedded))
    logits = logits.float()
    loss = functional.cross_entropy(logits, targets.classes, weight=weights, label_smoothing=recipe.smoothing)
    if targets.teacher_probabilities is not None:
        row_weights = weights[targets.classes]
        divergence = -(targets.teacher_probabilities * functional.log_softmax(logits, dim=1)).sum(dim=1)
        teacher_loss = (row_weights * divergence).sum() / row_weights.sum()
        loss = (1.0 - TEACHER_SHARE) * loss + TEACHER_SHARE * teacher_loss
    if targets.base_embeddings is not None:
        moved = 1.0 - functional.cosine_similarity(embedded.float(), targets.base_embeddings)
        loss = loss + recipe.anchor * moved.mean()
    return loss + recipe.r_drop * _symmetric_divergence(logits) if twice else loss


def _symmetric_divergence(logits: Tensor) -> Tensor:
    """Return the symmetric KL divergence of two passes with different dropout (R-Drop); logits are ``[2B, C]``."""
    first, second = functional.log_softmax(logits, dim=1).chunk(2)
    forward = functional.kl_div(first, second, log_target=True, reduction="batchmean")
    backward = functional.kl_div(second, first, log_target=True, reduction="batchmean")
    return (forward + backward) / 2
