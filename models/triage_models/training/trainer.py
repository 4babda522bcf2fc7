"""Fine-tuning: one training loop for 50 rows and for 50,000, with checkpoints and early stopping."""

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

from triage_models.errors import DataError
from triage_models.training.batches import Examples, epoch_batches
from triage_models.training.inference import embed_texts, predict_logits
from triage_models.training.losses import Targets, class_weights, training_loss
from triage_models.training.network import Network
from triage_models.training.optimization import freeze, parameter_groups, rate_factor
from triage_models.training.recipe import Recipe

EARLY_STOPPING_EPOCHS = 3
"""Training stops after so many epochs with clearly more errors on the validation rows than the best epoch had."""

FREE_BYTES = 1 << 20
"""If fewer bytes are free after a failed checkpoint, the disk is considered full."""

StepCallback = Callable[[float, float], None]
"""Called after each step with the share of the training that is done, 0 to 1, and the loss."""


def part_progress(progress: StepCallback, number: int, parts: int) -> StepCallback:
    """Report the progress of part ``number``, counted from 0, as progress of all ``parts``."""
    return lambda share, loss: progress((number + min(share, 1.0)) / parts, loss)


@dataclass
class Trainer:
    """One training run: `run` trains ``network`` in place and leaves it with the best weights.

    Attributes:
        network: the network to train.
        tokenizer: its tokenizer.
        examples: N rows to train on.
        recipe: the hyperparameters.
        seed: seed of batches, augmentation and dropout.
        validation: rows whose errors are counted after each epoch, for early stopping.
        checkpoint: a file to resume from, written after each epoch.
        progress: called after each step.
        teacher_probabilities: ``[N, C]`` what teachers predict for the examples.
        teacher_embeddings: ``[N, D]`` the vectors that the anchor of the recipe keeps near; None means those of the
            network before it is trained.
    """

    network: Network
    tokenizer: Tokenizer
    examples: Examples
    recipe: Recipe
    seed: int
    validation: Examples | None = None
    checkpoint: Path | None = None
    progress: StepCallback = lambda share, loss: None
    teacher_probabilities: Tensor | None = None
    teacher_embeddings: Tensor | None = None
    _epoch: int = 0
    _step: int = 0
    _started: float = 0.0
    _best: tuple[float, int] = (np.inf, 0)
    _best_weights: dict[str, Tensor] = field(default_factory=dict)

    def run(self) -> None:
        """Train until the epochs or the time are used up, or errors stop falling.

        Raises:
            DataError: The time was used up before the first step.
        """
        self._started = time.monotonic()
        targets = self._targets()
        freeze(self.network, self.recipe)
        torch.manual_seed(self.seed)
        optimizer = torch.optim.AdamW(parameter_groups(self.network, self.recipe), fused=True)
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._resume(optimizer)
        while self._share() < 1.0:
            self._train_epoch(optimizer, rates, targets)
            self._epoch += 1
            if not self._improving():
                break
            self._save(optimizer)
        if not self._step:
            raise DataError(
                f"Nothing was learned within {self.recipe.seconds or 0:.0f} s, a model's part of the time budget: "
                "give a longer one."
            )
        if self._best_weights:
            self.network.load_state_dict(self._best_weights)
        self.network.eval()

    def _targets(self) -> Targets:
        embedded = self.teacher_embeddings
        if self.recipe.anchor and embedded is None:
            embedded = embed_texts(self.network, self.tokenizer, self.examples.texts)
        return Targets(torch.from_numpy(self.examples.classes), self.teacher_probabilities, embedded)

    def _train_epoch(self, optimizer: torch.optim.AdamW, rates: Sequence[float], targets: Targets) -> None:
        weights = class_weights(self.examples, self.network.head.out_features, self.recipe.class_balance)
        torch.manual_seed(self.seed + self._epoch)
        self.network.train()
        batches = epoch_batches(self.tokenizer, self.examples, self.recipe, seed=self.seed, epoch=self._epoch)
        for ids, mask, rows in batches:
            share = self._share()
            if share >= 1.0:
                return
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * rate_factor(share, self.recipe.warmup)
            loss = training_loss(self.network, ids, mask, targets.take(rows), weights, self.recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimizer.step()
            self._step += 1
            self.progress(self._share(), float(loss.detach()))

    def _share(self) -> float:
        """Return how much of the training is done, by steps or by time, whichever is further."""
        drawn = float(self.examples.weights.sum()) * self.recipe.epochs
        by_steps = self._step / max(1.0, drawn / self.recipe.batch)
        by_time = 0.0 if self.recipe.seconds is None else (time.monotonic() - self._started) / self.recipe.seconds
        return max(by_steps, by_time)

    def _improving(self) -> bool:
        """Count the errors on the validation rows, remember the best weights, and say whether to continue."""
        if self.validation is None:
            return True
        predicted = predict_logits(self.network, self.tokenizer, self.validation.texts).argmax(1).numpy()
        errors = float((predicted != self.validation.classes).mean())
        fewest = min(errors, self._best[0])
        # Of few validation rows some are correct by luck: later weights count as no worse within one standard error.
        if errors <= fewest + np.sqrt(fewest * (1.0 - fewest) / len(self.validation)):
            self._best = (fewest, self._epoch)
            self._best_weights = copy.deepcopy(self.network.state_dict())
        return self._epoch - self._best[1] < EARLY_STOPPING_EPOCHS

    def _save(self, optimizer: torch.optim.AdamW) -> None:
        if self.checkpoint is None:
            return
        state = {
            "network": self.network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "at": (self._epoch, self._step, time.monotonic() - self._started),
            "best": self._best,
            "best_weights": self._best_weights,
        }
        scratch = self.checkpoint.with_suffix(".writing")
        try:
            torch.save(state, scratch)
        except RuntimeError as error:  # torch has no error of its own for a full disk
            if shutil.disk_usage(scratch.parent).free > FREE_BYTES:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch)) from error
        scratch.replace(self.checkpoint)

    def _resume(self, optimizer: torch.optim.AdamW) -> None:
        if self.checkpoint is None or not self.checkpoint.is_file():
            return
        state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        self._epoch, self._step, before = state["at"]
        self._started -= before
        self._best, self._best_weights = tuple(state["best"]), state["best_weights"]
