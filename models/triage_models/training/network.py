"""The network: a DistilBERT encoder, mean pooling, one linear layer; and its form for export, with prototypes."""

from torch import Tensor, nn
from transformers import DistilBertModel


class Network(nn.Module):
    """DistilBERT with mean pooling over its token vectors and one linear layer.

    Args:
        encoder: the base model.
        classes: C, the number of outputs.
        dropout: probability before the linear layer, 0 to 1.
    """

    def __init__(self, encoder: DistilBertModel, classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.dim, classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to the mean of the token vectors ``[B, D]``."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled: Tensor = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        return pooled

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to logits ``[B, C]``."""
        logits: Tensor = self.head(self.dropout(self.embed(input_ids, attention_mask)))
        return logits


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
        embedding = self.network.embed(input_ids, attention_mask)
        unit = embedding / embedding.norm(dim=1, keepdim=True).clamp(min=1e-6)
        similarity = (unit @ self.bank).reshape(-1, self.classes, self.per_class).amax(dim=2)
        return self.network.head(embedding), similarity
