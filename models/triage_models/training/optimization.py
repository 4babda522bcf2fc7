"""Which parameters are trained, and at which learning rate."""

from typing import Any

import torch

from triage_models.training.network import Network
from triage_models.training.recipe import Recipe


def freeze(network: Network, recipe: Recipe) -> None:
    """Turn off gradients of the embeddings and layers that the recipe freezes."""
    embeddings, layers = network.encoder.embeddings, network.encoder.transformer.layer
    embeddings.word_embeddings.requires_grad_(not recipe.words_frozen)
    frozen = layers[: int(recipe.layers_frozen * len(layers))]
    for module in (embeddings, *frozen) if len(frozen) else ():
        module.requires_grad_(False)


def rate_factor(share: float, warmup: float) -> float:
    """Return the factor of the learning rate when a share of the training is done: it rises linearly, then falls."""
    return share / warmup + 1e-3 if share < warmup else (1.0 - share) / (1.0 - warmup)


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Group the trained parameters: lower layers learn more slowly; biases and norms have no weight decay."""
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
    """Return how far a parameter is below the last layer: 0 for that layer, ``layers`` for the embeddings."""
    parts = name.split(".")
    return layers - 1 - int(parts[parts.index("layer") + 1]) if "layer" in parts else layers
