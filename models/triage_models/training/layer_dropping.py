"""Makes a network with fewer layers that answers nearly like one with all of them.

A network that drops layers of the base before it is trained is right less often. One that starts from the layers of a
trained network and learns its answers and vectors loses less.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from triage_models.training.inference import embed_texts
from triage_models.training.network import Network
from triage_models.training.precision import mixed_precision


class Lesson(NamedTuple):
    """What a network learns of teachers for N texts.

    Attributes:
        probabilities: ``[N, C]`` their answers.
        embeddings: ``[N, D]`` the vectors of the deeper network; None if the teachers have no more layers.
        deep: the deeper network, which it starts from.
    """

    probabilities: Tensor
    embeddings: Tensor | None = None
    deep: Network | None = None


def deep_lesson(
    start: Callable[[], Network],
    train: Callable[[Path], Network],
    tokenizer: Tokenizer,
    texts: Sequence[str],
    folder: Path,
    *,
    bfloat16: bool,
) -> Lesson:
    """Train the deeper network, or load it if an interrupted run had finished it, and run it on N texts.

    Args:
        start: makes the network before it is trained.
        train: trains it, with a checkpoint at the path.
        tokenizer: its tokenizer.
        texts: N texts.
        folder: keeps the trained network.
        bfloat16: run it in mixed precision where the CPU has it, which takes a quarter of the time.
    """
    folder.mkdir(exist_ok=True)
    done, checkpoint = folder / "deep.pt", folder / "checkpoint.pt"
    if done.is_file():
        network = start()
        network.load_state_dict(torch.load(done, weights_only=True))
    else:
        network = train(checkpoint)
        scratch = done.with_suffix(".writing")
        torch.save(network.state_dict(), scratch)
        scratch.replace(done)
        checkpoint.unlink(missing_ok=True)
    with mixed_precision(wanted=bfloat16):
        embeddings = embed_texts(network, tokenizer, texts)
    with torch.no_grad():
        return Lesson(network.head(embeddings).softmax(dim=1), embeddings, network)


def spaced(layers: int, of: int) -> list[int]:
    """Return which of a network's layers to keep: evenly spaced, the last one among them.

    >>> spaced(6, 12)
    [1, 3, 5, 7, 9, 11]
    """
    return [round((number + 1) * of / layers) - 1 for number in range(layers)]


def keep_layers(network: Network, layers: int) -> Network:
    """Drop all but some evenly spaced layers of a network, in place, and return it.

    Args:
        network: the network.
        layers: how many to keep, from 1 to as many as it has.
    """
    transformer, config = network.encoder.transformer, network.encoder.config
    transformer.layer = nn.ModuleList(transformer.layer[at] for at in spaced(layers, config.n_layers))
    transformer.n_layers = config.n_layers = config.num_hidden_layers = layers
    return network
