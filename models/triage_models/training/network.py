"""The network: a DistilBERT encoder, mean pooling, one linear layer; and its form for export, with prototypes."""

import torch
from torch import Tensor, nn
from transformers import DistilBertModel

from triage_models.training.word_head import WordHead

HIDDEN_GATE, HIDDEN_CLASSES = 64, 256

LAYERS_READ = 3
"""A `GeneratedHead` reads the embeddings, the middle layer and the last one."""

OPEN_FROM, SHARPNESS = 2.0, 2.0
"""The two outputs are mixed evenly at these log odds that a text is generated. The share changes faster than the odds
say, so most texts are answered by nearly one output alone."""


def mean_pooled(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the mean ``[B, D]`` of the token vectors ``[B, T, D]`` that the mask ``[B, T]`` keeps."""
    weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
    pooled: Tensor = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)
    return pooled


class GeneratedHead(nn.Module):
    """Answers texts that were generated, see `triage_models.training.generated_head`.

    Args:
        width: W, the width of the vectors that it reads.
        classes: C, the number of outputs.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(width, HIDDEN_GATE), nn.GELU(), nn.Linear(HIDDEN_GATE, 1))
        self.classes = nn.Sequential(nn.Linear(width, HIDDEN_CLASSES), nn.GELU(), nn.Linear(HIDDEN_CLASSES, classes))

    def forward(self, vectors: Tensor, logits: Tensor) -> Tensor:
        """Mix the network's logits ``[B, C]`` with those for generated texts, by vectors ``[B, W]``."""
        share = torch.sigmoid(SHARPNESS * (self.gate(vectors) - OPEN_FROM))
        mixed: Tensor = logits + share * (self.classes(vectors) - logits)
        return mixed

    @torch.no_grad()
    def take_raw(self, mean: Tensor, deviation: Tensor) -> None:
        """Make a head that was trained on standardized vectors read raw ones, by their mean and deviation ``[W]``."""
        for part in (self.gate, self.classes):
            first = next(iter(part))
            assert isinstance(first, nn.Linear)
            first.weight.div_(deviation)
            first.bias.sub_(first.weight @ mean)


class Network(nn.Module):
    """DistilBERT with mean pooling over its token vectors and one linear layer, and perhaps further heads.

    Args:
        encoder: the base model.
        classes: C, the number of outputs.
        dropout: probability before the linear layer, 0 to 1.

    Attributes:
        generated: answers generated texts; None if there is no such head.
        word_head: answers from words alone; None if there is no such head.
    """

    def __init__(self, encoder: DistilBertModel, classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.dim, classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.generated: GeneratedHead | None = None
        self.word_head: WordHead | None = None

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to the mean of the token vectors ``[B, D]``."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return mean_pooled(hidden, attention_mask)

    def embed_layers(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to the means of the layers that a `GeneratedHead` reads ``[B, W]``."""
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        return torch.cat([mean_pooled(hidden[at], attention_mask) for at in (0, len(hidden) // 2, -1)], dim=1)

    def embed_and_classify(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map token ids and mask ``[B, T]`` to the mean of the token vectors ``[B, D]`` and logits ``[B, C]``."""
        if self.generated is None:
            embedding = self.embed(input_ids, attention_mask)
            return embedding, self._classify(embedding, input_ids, attention_mask)
        vectors = self.embed_layers(input_ids, attention_mask)
        embedding = vectors[:, -self.head.in_features :]
        return embedding, self.generated(vectors, self._classify(embedding, input_ids, attention_mask))

    def _classify(self, embedding: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(embedding))
        return logits if self.word_head is None else self.word_head.mixed(logits, input_ids, attention_mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to logits ``[B, C]``."""
        return self.embed_and_classify(input_ids, attention_mask)[1]


class ServingNetwork(nn.Module):
    """The network that is exported: logits, and cosine similarity to the nearest prototype of each class.

    Args:
        network: the trained network.
        prototypes: ``[C, M, D]``, unit length; a class with fewer than M repeats some.
    """

    def __init__(self, network: Network, prototypes: Tensor) -> None:
        super().__init__()
        self.network = network
        self.classes, self.per_class, _ = prototypes.shape
        self.bank = nn.Parameter(
            prototypes.reshape(self.classes * self.per_class, -1).T.contiguous(), requires_grad=False
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map token ids and mask ``[B, T]`` to logits ``[B, C]`` and similarity ``[B, C]``."""
        embedding, logits = self.network.embed_and_classify(input_ids, attention_mask)
        unit = embedding / embedding.norm(dim=1, keepdim=True).clamp(min=1e-6)
        similarity = (unit @ self.bank).reshape(-1, self.classes, self.per_class).amax(dim=2)
        return logits, similarity
