"""The head for generated texts: learns many rows that no customer wrote, at no cost to customers' messages.

Texts from templates are easy to tell from customers' messages, already by their words. A gate recognizes them, and
classes of its own answer them. Where the gate is closed, the answer is that of the network alone. The head is trained
after the network, on vectors that stay fixed, so that the network itself learns from few generated rows only.
"""

from collections.abc import Callable, Iterable

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from triage_models.training.batches import Examples
from triage_models.training.inference import embed_layers
from triage_models.training.network import GeneratedHead, Network

MIN_ROWS = 500
"""With fewer rows of either kind there is no head: a gate that saw few messages would open for others."""

STEPS, BATCH, RATE = 4000, 256, 2e-3
SMOOTHING = 0.05


def add_generated_head(network: Network, tokenizer: Tokenizer, own: Examples, generated: Examples, seed: int) -> None:
    """Train the head and add it to the network, in place; does nothing if there are too few rows.

    Args:
        network: the trained network.
        tokenizer: its tokenizer.
        own: N rows that customers wrote, or that were written like theirs.
        generated: M rows that were not.
        seed: seed of the weights and the batches.
    """
    if min(len(own), len(generated)) < MIN_ROWS:
        return
    customers, templates = (embed_layers(network, tokenizer, rows.texts) for rows in (own, generated))
    mean, deviation = templates.mean(dim=0), templates.std(dim=0) + 1e-3
    customers, templates = (customers - mean) / deviation, (templates - mean) / deviation
    targets = torch.from_numpy(generated.classes)
    torch.manual_seed(seed)
    head = GeneratedHead(templates.shape[1], network.head.out_features)

    def gate_loss(of_customers: Tensor, of_templates: Tensor) -> Tensor:
        opened = head.gate(torch.cat([customers[of_customers], templates[of_templates]]))[:, 0]
        wanted = torch.cat([torch.zeros(len(of_customers)), torch.ones(len(of_templates))])
        return functional.binary_cross_entropy_with_logits(opened, wanted)

    def class_loss(_: Tensor, of_templates: Tensor) -> Tensor:
        return functional.cross_entropy(
            head.classes(templates[of_templates]), targets[of_templates], label_smoothing=SMOOTHING
        )

    for part, loss in ((head.gate, gate_loss), (head.classes, class_loss)):
        _fit(part.parameters(), loss, len(customers), len(templates), seed)
    head.take_raw(mean, deviation)
    network.generated = head.eval().requires_grad_(False)


def _fit(
    parameters: Iterable[nn.Parameter], loss: Callable[[Tensor, Tensor], Tensor], own: int, generated: int, seed: int
) -> None:
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01)
    random = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1.0 - step / STEPS)
        rows = (torch.randint(count, (BATCH,), generator=random) for count in (own, generated))
        optimizer.zero_grad()
        loss(*rows).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
