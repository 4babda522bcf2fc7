"""Runs a network in torch on texts, without gradients."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.serving.engine import sized_batches
from triage_models.training.batches import pad, token_ids
from triage_models.training.network import Network


@torch.no_grad()
def predict_logits(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return the logits ``[N, C]`` of N texts, in their order."""
    logits: Tensor = network.head(embed_texts(network, tokenizer, texts))
    return logits


@torch.no_grad()
def embed_texts(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return the pooled vectors ``[N, D]`` of N texts, in their order; puts the network in evaluation mode."""
    network.eval()
    encodings = token_ids(tokenizer, texts)
    result = torch.empty(len(encodings), network.head.in_features)
    for rows in sized_batches([len(ids) for ids in encodings]):
        result[rows] = network.embed(*pad([encodings[row] for row in rows]))
    return result
