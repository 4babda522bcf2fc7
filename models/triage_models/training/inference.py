"""Runs a network in torch on texts, without gradients."""

from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.serving.engine import sized_batches
from triage_models.training.batches import pad, token_ids
from triage_models.training.network import LAYERS_READ, Network


@torch.no_grad()
def predict_logits(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return the logits ``[N, C]`` of N texts, in their order; puts the network in evaluation mode."""
    return _run(network, tokenizer, texts, network, network.head.out_features)


@torch.no_grad()
def embed_texts(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return the pooled vectors ``[N, D]`` of N texts, in their order; puts the network in evaluation mode."""
    return _run(network, tokenizer, texts, network.embed, network.head.in_features)


@torch.no_grad()
def embed_layers(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return the vectors ``[N, W]`` that a `GeneratedHead` reads; puts the network in evaluation mode."""
    return _run(network, tokenizer, texts, network.embed_layers, LAYERS_READ * network.head.in_features)


def _run(
    network: Network,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    function: Callable[[Tensor, Tensor], Tensor],
    width: int,
) -> Tensor:
    network.eval()
    encodings = token_ids(tokenizer, texts)
    result = torch.empty(len(encodings), width)
    for rows in sized_batches([len(ids) for ids in encodings]):
        result[rows] = function(*pad([encodings[row] for row in rows])).float()  # in mixed precision it is shorter
    return result
