"""Trains the heads by which sure texts leave a network early, and adds them to its exported models.

The network stays as it is: the heads are trained on the vectors of its earlier layers, with the labels and the
network's own answers as targets. A single head is now and then very sure of a wrong answer to words that it has hardly
seen. So each exit has an ensemble of heads, which have not seen the same shops, and a text leaves if all agree.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import helper
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from triage_models.serving.engine import sized_batches
from triage_models.training.batches import Examples, pad, token_ids
from triage_models.training.exit_graph import OUTPUTS, Ensemble, add_exit, add_vector_nodes
from triage_models.training.recipe import Recipe

SURE = 0.9
"""A text leaves that has a class to which each head of the ensemble gives this probability."""

MEMBERS = 5
"""Heads of an ensemble. Each learns without a fifth of the shops, so that they disagree on what few shops write."""

SHARPNESS = 1.25
"""Texts that leave are right more often than the probabilities of small heads say; this ranks them among the others.

Chosen on held-out shops, posts and other channels: docs/evaluation.md.
"""

MIN_ROWS = 1000
"""With fewer rows there are no exits: their heads would be sure of what they do not know."""

HIDDEN = 256
STEPS, BATCH, RATE, DECAY = 1200, 256, 2e-3, 0.05
INPUT_DROPOUT, DROPOUT = 0.1, 0.3
SMOOTHING = 0.05

TEACHER_SHARE = 0.5
"""How much of the target is the network's own answer; the rest is the label."""

SIMILARITY_WEIGHT = 10.0
"""Of the squared error of the similarities, which are between -1 and 1, beside the cross-entropy."""

HARD_WEIGHT = 4.0
"""How much more a row counts that a head gets wrong which has not seen its shop: such texts need the later layers."""

Vectors = NDArray[np.float32]


class _Read(NamedTuple):
    """What a model computes of N texts: its outputs ``[N, C]``, and for each layer the vectors ``[N, W]``."""

    logits: Vectors
    similarity: Vectors
    by_layer: dict[int, Vectors]


class Rows(NamedTuple):
    """What heads learn from: vectors ``[N, W]``, targets and similarities ``[N, C]``, and weights ``[M, N]``."""

    vectors: Tensor
    targets: Tensor
    similarity: Tensor
    weights: Tensor


def layers_to_leave_after(layers: int) -> tuple[int, ...]:
    """Return after which of a network's layers texts may leave: every sixth, up to the half of it.

    >>> layers_to_leave_after(6)
    (1, 2, 3)
    """
    return tuple(sorted({max(1, round(layers * part / 6)) for part in (1, 2, 3)} - {layers}))


def without_exits_if_few(recipe: Recipe, rows: int) -> Recipe:
    """Return a recipe without exits if a bundle is trained on too few rows for them.

    To be asked once for a bundle, and not for the smaller networks that it is calibrated by: its thresholds have to
    come from answers of networks with exits, too.
    """
    return recipe if rows >= MIN_ROWS else replace(recipe, early_exit=False)


def add_exits(
    models: Sequence[Path], tokenizer: Tokenizer, examples: Examples, layers: Sequence[int], seed: int
) -> None:
    """Train an ensemble for each layer and add it to exported models of one network, in place.

    Args:
        models: files of `triage_models.training.export`. The heads are trained on what the first one computes.
        tokenizer: the tokenizer of the network.
        examples: N rows that the network was trained on.
        layers: after how many layers texts may leave.
        seed: seed of the weights and the batches.
    """
    read = _read(models[0], token_ids(tokenizer, examples.texts), layers)
    ensembles = [_trained_ensemble(read, layer, examples, seed) for layer in layers]
    for file in models:
        model = onnx.load(str(file))
        for ensemble in sorted(ensembles, key=lambda ensemble: -ensemble.layer):
            add_exit(model, ensemble)
        onnx.save(model, str(file))


def _read(file: Path, encodings: Sequence[list[int]], layers: Sequence[int]) -> _Read:
    model = onnx.load(str(file))
    names = {layer: add_vector_nodes(model.graph, layer, f"/read_{layer}") for layer in layers}
    model.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names.values()
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted, found = [*OUTPUTS, *names.values()], list[tuple[list[int], list[Vectors]]]()
    for rows in sized_batches([len(ids) for ids in encodings]):
        ids, mask = pad([encodings[row] for row in rows])
        found.append((rows, session.run(wanted, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})))
    order = np.argsort(np.concatenate([rows for rows, _ in found]))
    logits, similarity, *vectors = (np.concatenate([part[at] for _, part in found])[order] for at in range(len(wanted)))
    return _Read(logits, similarity, dict(zip(layers, vectors, strict=True)))


class Heads(nn.Module):
    """M heads with one hidden layer, which run side by side."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        hidden = [nn.Linear(width, HIDDEN) for _ in range(MEMBERS)]
        out = [nn.Linear(HIDDEN, 2 * classes) for _ in range(MEMBERS)]
        self.hidden, self.hidden_bias = _stacked(hidden)
        self.out, self.out_bias = _stacked(out)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map the vectors of each head ``[M, B, W]`` to its logits and similarities ``[M, B, 2 C]``."""
        read = functional.dropout(vectors, INPUT_DROPOUT, self.training)
        active = functional.gelu(torch.baddbmm(self.hidden_bias, read, self.hidden))
        answer: Tensor = torch.baddbmm(self.out_bias, functional.dropout(active, DROPOUT, self.training), self.out)
        return answer


def _stacked(layers: Sequence[nn.Linear]) -> tuple[nn.Parameter, nn.Parameter]:
    weights = torch.stack([layer.weight.detach().T for layer in layers])
    return nn.Parameter(weights), nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))


def _trained_ensemble(read: _Read, layer: int, examples: Examples, seed: int) -> Ensemble:
    raw = read.by_layer[layer]
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + np.float32(1e-3)
    classes, folds = torch.from_numpy(examples.classes), folds_of(examples)
    labels = functional.one_hot(classes, read.logits.shape[1]).float()
    labels = labels * (1.0 - SMOOTHING) + SMOOTHING / labels.shape[1]
    answers = torch.from_numpy(read.logits).softmax(dim=1)
    seen = folds != torch.arange(MEMBERS)[:, None]
    rows = Rows(
        torch.from_numpy((raw - mean) / deviation),
        TEACHER_SHARE * answers + (1.0 - TEACHER_SHARE) * labels,
        torch.from_numpy(read.similarity),
        torch.from_numpy(examples.weights) * seen,
    )
    wrong = wrong_unseen(fit_heads(rows, STEPS // 2, seed), rows, classes, folds)
    heads = fit_heads(rows._replace(weights=rows.weights * (1.0 + HARD_WEIGHT * wrong)), STEPS, seed)
    return reading_raw(heads, mean, deviation, layer)


def folds_of(examples: Examples) -> Tensor:
    """Tell ``[N]`` which head does not learn from each row: the same one for all rows of a shop.

    Without shops, or with so few that a head would miss none or most of them, rows are divided one by one; so are those
    of a label that a single head would not know.
    """
    folds = np.array([_fold(text) for text in examples.texts])
    grouped = np.array([bool(group) for group in examples.groups], dtype=np.bool_)
    if not grouped.any():
        return torch.from_numpy(folds)
    by_group = np.where(grouped, [_fold(group) for group in examples.groups], folds)
    rows = np.bincount(by_group[grouped], minlength=MEMBERS)
    if not rows.all() or 2 * rows.max() > rows.sum():
        return torch.from_numpy(folds)
    for label in np.unique(examples.classes):
        own = examples.classes == label
        by_group[own] = by_group[own] if len(np.unique(by_group[own])) > 1 else folds[own]
    return torch.from_numpy(by_group)


def _fold(name: str) -> int:
    return zlib.crc32(name.encode()) % MEMBERS


@torch.no_grad()
def wrong_unseen(heads: Heads, rows: Rows, classes: Tensor, folds: Tensor) -> Tensor:
    """Tell ``[N]`` which rows are answered wrongly by the head that did not learn from them, as 0 or 1."""
    answers: Tensor = heads(rows.vectors.expand(MEMBERS, -1, -1))[folds, torch.arange(len(folds))]
    return (answers[:, : rows.targets.shape[1]].argmax(dim=1) != classes).float()


def fit_heads(rows: Rows, steps: int, seed: int) -> Heads:
    """Train all heads side by side, each on rows that are drawn by its own weights."""
    classes = rows.targets.shape[1]
    torch.manual_seed(seed)
    heads = Heads(rows.vectors.shape[1], classes)
    optimizer = torch.optim.AdamW(heads.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1.0 - step / steps)
        drawn = torch.multinomial(rows.weights, BATCH, replacement=True)
        logits, near = heads(rows.vectors[drawn]).split(classes, dim=2)
        loss = functional.cross_entropy(logits.flatten(0, 1), rows.targets[drawn].flatten(0, 1))
        loss = loss + SIMILARITY_WEIGHT * functional.mse_loss(near, rows.similarity[drawn])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return heads.eval()


@torch.no_grad()
def reading_raw(heads: Heads, mean: Vectors, deviation: Vectors, layer: int) -> Ensemble:
    """Return an ensemble that reads vectors as they are, of heads that were trained on standardized ones."""
    weights = heads.hidden.numpy() / deviation[:, None]
    bias = heads.hidden_bias.numpy()[:, 0] - mean @ weights
    side_by_side = np.ascontiguousarray(weights.transpose(1, 0, 2).reshape(len(mean), -1), dtype=np.float32)
    out, out_bias = heads.out.numpy(), heads.out_bias.numpy()
    return Ensemble(layer, side_by_side, bias.reshape(-1).astype(np.float32), out, out_bias, SURE, SHARPNESS)
