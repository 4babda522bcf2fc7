"""Distillation: the network that serves also learns the mean prediction of teachers trained with other seeds.

An ensemble is correct more often than each of its networks, but only one network is fast enough to serve.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.training.inference import predict_logits
from triage_models.training.network import Network

TEACHERS_FOLDER = "teachers"
"""In the folder of an unfinished bundle: the predictions of each teacher, and the checkpoint of the current one."""


def teacher_mean_probabilities(
    train: Callable[[int, Path], Network], teachers: int, tokenizer: Tokenizer, texts: Sequence[str], folder: Path
) -> Tensor:
    """Train teachers one after the other and return the mean of their probabilities for N texts, ``[N, C]``.

    Args:
        train: trains the teacher of a number, counted from 0, with a checkpoint at the path.
        teachers: how many; one at a time is in memory.
        tokenizer: the tokenizer of all of them.
        texts: N texts.
        folder: holds the predictions of each teacher; an interrupted call resumes at the teacher that it had reached.
    """
    folder.mkdir(exist_ok=True)
    probabilities = []
    for number in range(teachers):
        done = folder / f"{number}.npy"
        if not done.is_file():
            checkpoint = folder / "checkpoint.pt"
            network = train(number, checkpoint)
            scratch = done.with_suffix(".writing")
            with scratch.open("wb") as stream:
                np.save(stream, predict_logits(network, tokenizer, texts).softmax(dim=1).numpy())
            scratch.replace(done)
            checkpoint.unlink(missing_ok=True)
        probabilities.append(np.load(done))
    return torch.from_numpy(np.mean(probabilities, axis=0))
