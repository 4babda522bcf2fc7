"""Trains the heads by which sure texts leave a network early, and adds them to its exported models.

The network stays as it is: the heads are trained on the vectors of its earlier layers, with the labels and the
network's own answers as targets. What leaves is chosen by the head's probability alone.
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
from triage_models.training.exit_graph import OUTPUTS, ExitHead, add_exit, add_vector_nodes
from triage_models.training.recipe import Recipe

SURE = 0.9
"""A text leaves where its likeliest class has this probability. At 0.8 a fifth more messages/s are answered, but twice
as many answers differ from those of the whole network to the worse; at 0.95 it is the other way round."""

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
"""How much more a row counts that a head gets wrong if it has not seen it: such texts need the later layers."""

Vectors = NDArray[np.float32]


class _Read(NamedTuple):
    """What a model computes of N texts: its outputs ``[N, C]``, and for each layer the vectors ``[N, W]``."""

    logits: Vectors
    similarity: Vectors
    by_layer: dict[int, Vectors]


class _Rows(NamedTuple):
    """What a head learns from: vectors ``[N, W]``, targets and similarities ``[N, C]``, and weights ``[N]``."""

    vectors: Tensor
    targets: Tensor
    similarity: Tensor
    weights: Tensor

    def take(self, rows: Tensor) -> "_Rows":
        return _Rows(*(part[rows] for part in self))


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
    """Train a head for each layer and add it to exported models of one network, in place.

    Args:
        models: files of `triage_models.training.export`. The heads are trained on what the first one computes.
        tokenizer: the tokenizer of the network.
        examples: N rows that the network was trained on.
        layers: after how many layers texts may leave.
        seed: seed of the weights and the batches.
    """
    read = _read(models[0], token_ids(tokenizer, examples.texts), layers)
    heads = [_trained_head(read, layer, examples, seed) for layer in layers]
    for file in models:
        model = onnx.load(str(file))
        for head in sorted(heads, key=lambda head: -head.layer):
            add_exit(model, head)
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


class _Head(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, 2 * classes)

    def forward(self, vectors: Tensor) -> Tensor:
        active = functional.gelu(self.hidden(functional.dropout(vectors, INPUT_DROPOUT, self.training)))
        answer: Tensor = self.out(functional.dropout(active, DROPOUT, self.training))
        return answer


def _trained_head(read: _Read, layer: int, examples: Examples, seed: int) -> ExitHead:
    raw = read.by_layer[layer]
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + np.float32(1e-3)
    classes = torch.from_numpy(examples.classes)
    labels = functional.one_hot(classes, read.logits.shape[1]).float()
    labels = labels * (1.0 - SMOOTHING) + SMOOTHING / labels.shape[1]
    answers = torch.from_numpy(read.logits).softmax(dim=1)
    rows = _Rows(
        torch.from_numpy((raw - mean) / deviation),
        TEACHER_SHARE * answers + (1.0 - TEACHER_SHARE) * labels,
        torch.from_numpy(read.similarity),
        torch.from_numpy(examples.weights),
    )
    hard = _wrong_by_other_half(rows, classes, examples.texts, seed)
    head = _fit(rows._replace(weights=rows.weights * (1.0 + HARD_WEIGHT * hard)), STEPS, seed)
    return _reading_raw(head, mean, deviation, layer)


def _wrong_by_other_half(rows: _Rows, classes: Tensor, texts: Sequence[str], seed: int) -> Tensor:
    """Tell ``[N]`` which rows a head answers wrongly that was trained on the other half of the rows, as 0 or 1."""
    halves = torch.tensor([zlib.crc32(text.encode()) % 2 for text in texts])
    wrong = torch.zeros(len(texts))
    for half in (0, 1):
        own, other = (torch.nonzero(halves == number)[:, 0] for number in (half, 1 - half))
        head = _fit(rows.take(other), STEPS // 2, seed)
        with torch.no_grad():
            answers = head(rows.vectors[own])[:, : rows.targets.shape[1]].argmax(dim=1)
        wrong[own] = (answers != classes[own]).float()
    return wrong


def _fit(rows: _Rows, steps: int, seed: int) -> _Head:
    classes = rows.targets.shape[1]
    torch.manual_seed(seed)
    head = _Head(rows.vectors.shape[1], classes)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1.0 - step / steps)
        drawn = rows.take(torch.multinomial(rows.weights, BATCH, replacement=True))
        logits, near = head(drawn.vectors).split(classes, dim=1)
        loss = functional.cross_entropy(logits, drawn.targets)
        loss = loss + SIMILARITY_WEIGHT * functional.mse_loss(near, drawn.similarity)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return head.eval()


@torch.no_grad()
def _reading_raw(head: _Head, mean: Vectors, deviation: Vectors, layer: int) -> ExitHead:
    """Return a head that reads vectors as they are, of one that was trained on standardized ones."""
    weight, bias = head.hidden.weight.numpy(), head.hidden.bias.numpy()
    scaled = np.ascontiguousarray((weight / deviation).T, dtype=np.float32)
    out = np.ascontiguousarray(head.out.weight.numpy().T)
    return ExitHead(layer, scaled, (bias - mean @ scaled).astype(np.float32), out, head.out.bias.numpy(), SURE)
