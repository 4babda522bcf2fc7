"""Fine-tuning: one loop, the same for 50 rows and for 50,000."""

import copy
import errno
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from triage_models.serving.engine import sized_batches
from triage_models.training.batches import Examples, epoch_batches, padded, token_ids
from triage_models.training.network import Network
from triage_models.training.schedule import Recipe

PATIENCE = 3
"""Epochs with clearly more errors on the watched rows than there once were, before training ends."""

FULL = 1 << 20
"""Free bytes below which a checkpoint that could not be written did not fit."""

TAUGHT = 0.7
"""Of what is learnt of a row, the share that is what the teachers said of it; the rest is its label."""

Progress = Callable[[float, float], None]
"""Called after each step with the share done, 0 to 1, and the loss."""


def part_of(progress: Progress, number: int, parts: int) -> Progress:
    """The progress of part ``number``, from 0, as progress of all ``parts``."""
    return lambda share, loss: progress((number + min(share, 1.0)) / parts, loss)


@dataclass(frozen=True)
class Goals:
    """What is to be learnt of rows: their classes ``[N]``; where given, what teachers say of them, probabilities
    ``[N, C]``; and where the base has them, ``[N, D]``, which they are to stay near."""

    classes: Tensor
    taught: Tensor | None = None
    origin: Tensor | None = None

    def of(self, rows: Tensor) -> "Goals":
        """The goals of some rows."""
        taught, origin = (None if one is None else one[rows] for one in (self.taught, self.origin))
        return Goals(self.classes[rows], taught, origin)


@dataclass
class Fit:
    """One training run: `run` trains ``network`` in place and leaves it with the best weights seen.

    Attributes:
        watched: rows to count errors on after each epoch; training ends early when they stop falling.
        checkpoint: a file to go on from, written after each epoch.
        taught: probabilities ``[N, C]`` that teachers gave the examples.
    """

    network: Network
    tokenizer: Tokenizer
    examples: Examples
    recipe: Recipe
    seed: int
    watched: Examples | None = None
    checkpoint: Path | None = None
    progress: Progress = lambda share, loss: None
    taught: Tensor | None = None
    _epoch: int = 0
    _step: int = 0
    _seconds: float = 0.0
    _best: tuple[float, int] = (np.inf, 0)
    _best_weights: dict[str, Tensor] = field(default_factory=dict)

    def run(self) -> None:
        """Train until the epochs, the time or the patience are over."""
        goals = self._goals()
        _freeze(self.network, self.recipe)
        torch.manual_seed(self.seed)
        optimizer = torch.optim.AdamW(_parameter_groups(self.network, self.recipe), fused=True)
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._resume(optimizer)
        while self._share() < 1.0:
            self._train_epoch(optimizer, rates, goals)
            self._epoch += 1
            if not self._improving():
                break
            self._save(optimizer)
        if self._best_weights:
            self.network.load_state_dict(self._best_weights)
        self.network.eval()

    def _goals(self) -> Goals:
        embedded = embeddings_of(self.network, self.tokenizer, self.examples.texts) if self.recipe.anchor else None
        return Goals(torch.from_numpy(self.examples.classes), self.taught, embedded)

    def _train_epoch(self, optimizer: torch.optim.AdamW, rates: Sequence[float], goals: Goals) -> None:
        weights = _class_weights(self.examples, self.network.head.out_features, self.recipe.class_balance)
        torch.manual_seed(self.seed + self._epoch)
        self.network.train()
        batches = epoch_batches(self.tokenizer, self.examples, self.recipe, seed=self.seed, epoch=self._epoch)
        for ids, mask, rows in batches:
            started, share = time.monotonic(), self._share()
            if share >= 1.0:
                return
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * _rate(share, self.recipe.warmup)
            loss = _loss(self.network, ids, mask, goals.of(rows), weights, self.recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimizer.step()
            self._step += 1
            self._seconds += time.monotonic() - started
            self.progress(self._share(), float(loss.detach()))

    def _share(self) -> float:
        """How much of the training is over, by steps or by time, whichever is further."""
        drawn = float(self.examples.weights.sum()) * self.recipe.epochs
        by_steps = self._step / max(1.0, drawn / self.recipe.batch)
        by_time = 0.0 if self.recipe.seconds is None else self._seconds / self.recipe.seconds
        return max(by_steps, by_time)

    def _improving(self) -> bool:
        if self.watched is None:
            return True
        errors = float(
            (
                logits_of(self.network, self.tokenizer, self.watched.texts).argmax(1).numpy() != self.watched.classes
            ).mean()
        )
        fewest = min(errors, self._best[0])
        # Of few watched rows some are right by luck: later weights count as no worse within one standard error.
        if errors <= fewest + np.sqrt(fewest * (1.0 - fewest) / len(self.watched)):
            self._best = (fewest, self._epoch)
            self._best_weights = copy.deepcopy(self.network.state_dict())
        return self._epoch - self._best[1] < PATIENCE

    def _save(self, optimizer: torch.optim.AdamW) -> None:
        if self.checkpoint is None:
            return
        state = {
            "network": self.network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "at": (self._epoch, self._step, self._seconds),
            "best": self._best,
            "best_weights": self._best_weights,
        }
        scratch = self.checkpoint.with_suffix(".writing")
        try:
            torch.save(state, scratch)
        except RuntimeError as error:  # torch has no other word for a full disk
            if shutil.disk_usage(scratch.parent).free > FULL:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch)) from error
        scratch.replace(self.checkpoint)

    def _resume(self, optimizer: torch.optim.AdamW) -> None:
        if self.checkpoint is None or not self.checkpoint.is_file():
            return
        state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        self._epoch, self._step, self._seconds = state["at"]
        self._best, self._best_weights = tuple(state["best"]), state["best_weights"]


@torch.no_grad()
def logits_of(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Logits ``[N, C]`` of texts, in their order."""
    logits: Tensor = network.head(embeddings_of(network, tokenizer, texts))
    return logits


@torch.no_grad()
def embeddings_of(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Pooled vectors ``[N, D]`` of texts, in their order."""
    network.eval()
    encodings = token_ids(tokenizer, texts)
    result = torch.empty(len(encodings), network.head.in_features)
    for rows in sized_batches([len(ids) for ids in encodings]):
        result[rows] = network.embed(*padded([encodings[row] for row in rows]))
    return result


def _freeze(network: Network, recipe: Recipe) -> None:
    embeddings, layers = network.encoder.embeddings, network.encoder.transformer.layer
    embeddings.word_embeddings.requires_grad_(not recipe.words_frozen)
    frozen = layers[: int(recipe.layers_frozen * len(layers))]
    for part in (embeddings, *frozen) if len(frozen) else ():
        part.requires_grad_(False)


def _rate(share: float, warmup: float) -> float:
    return share / warmup + 1e-3 if share < warmup else (1.0 - share) / (1.0 - warmup)


def _loss(network: Network, ids: Tensor, mask: Tensor, goals: Goals, weights: Tensor, recipe: Recipe) -> Tensor:
    """Cross-entropy with the labels and with what teachers say, and how far the texts have moved from their base."""
    twice = bool(recipe.r_drop)
    if twice:
        goals = goals.of(torch.arange(len(ids)).repeat(2))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.bfloat16):
        embedded = network.embed(torch.cat([ids, ids]), torch.cat([mask, mask])) if twice else network.embed(ids, mask)
        logits = network.head(network.dropout(embedded))
    logits = logits.float()
    loss = functional.cross_entropy(logits, goals.classes, weight=weights, label_smoothing=recipe.smoothing)
    if goals.taught is not None:
        own = weights[goals.classes]
        apart = -(goals.taught * functional.log_softmax(logits, dim=1)).sum(dim=1)
        loss = (1.0 - TAUGHT) * loss + TAUGHT * (own * apart).sum() / own.sum()
    if goals.origin is not None:
        moved = 1.0 - functional.cosine_similarity(embedded.float(), goals.origin)
        loss = loss + recipe.anchor * moved.mean()
    return loss + recipe.r_drop * _disagreement(logits) if twice else loss


def _disagreement(logits: Tensor) -> Tensor:
    """How far two passes with different dropout are apart: the symmetric KL of R-Drop."""
    first, second = functional.log_softmax(logits, dim=1).chunk(2)
    there = functional.kl_div(first, second, log_target=True, reduction="batchmean")
    back = functional.kl_div(second, first, log_target=True, reduction="batchmean")
    return (there + back) / 2


def _class_weights(examples: Examples, classes: int, balance: float) -> Tensor:
    """Weights by inverse frequency to the power ``balance``, with a mean of 1 over the rows."""
    mass = np.bincount(examples.classes, weights=examples.weights, minlength=classes).clip(min=1e-9)
    weights = (mass.sum() / (classes * mass)) ** balance
    return torch.tensor(weights / (weights * mass).sum() * mass.sum(), dtype=torch.float32)


def _parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Layers nearer the text learn slower; biases and norms are not decayed."""
    layers = network.encoder.config.n_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = recipe.head_rate if name.startswith("head") else recipe.rate * recipe.layer_decay ** _depth(name, layers)
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": own, "lr": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]


def _depth(name: str, layers: int) -> int:
    """Layers between a parameter and the head: 0 for the last layer, ``layers`` for the embeddings."""
    parts = name.split(".")
    return layers - 1 - int(parts[parts.index("layer") + 1]) if "layer" in parts else layers
