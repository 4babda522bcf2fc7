"""Distillation: networks of other seeds say what they make of each row, and the one that serves learns that, too.

Where networks agree they are more often right than each of them alone is, but only one can be served in time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.training.fit import logits_of
from triage_models.training.network import Network

TEACHERS = "teachers"
"""Within the folder of an unfinished bundle: what each teacher said, and the checkpoint of the one being trained."""


def mean_probabilities(
    train: Callable[[int, Path], Network], teachers: int, tokenizer: Tokenizer, texts: Sequence[str], folder: Path
) -> Tensor:
    """What teachers make of N texts: the mean of their probabilities, ``[N, C]``.

    Args:
        train: trains the teacher of a number, from 0, with a checkpoint at the path.
        teachers: how many; one at a time is in memory.
        tokenizer: that of all of them.
        texts: N texts.
        folder: what each said is kept here: an interrupted call goes on with the teacher that it was at.
    """
    folder.mkdir(exist_ok=True)
    said = []
    for number in range(teachers):
        done = folder / f"{number}.npy"
        if not done.is_file():
            checkpoint = folder / "checkpoint.pt"
            network = train(number, checkpoint)
            scratch = done.with_suffix(".writing")
            with scratch.open("wb") as stream:
                np.save(stream, logits_of(network, tokenizer, texts).softmax(dim=1).numpy())
            scratch.replace(done)
            checkpoint.unlink(missing_ok=True)
        said.append(np.load(done))
    return torch.from_numpy(np.mean(said, axis=0))
