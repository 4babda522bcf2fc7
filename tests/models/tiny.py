"""A base model and data so small that a real training takes seconds.

    from tests.models.tiny import train_tiny
    bundle = train_tiny(folder)

Needs the [train] extra. Within ``tests/models``, the session fixtures ``tiny_base``, ``tiny_csv`` and ``tiny_bundle``
share one base, one data set and one bundle.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from triage_models.data.corpus import read_messages

LABELS = ("WISMO", "CANCEL_ORDER", "DAMAGED_ITEM", "ACCOUNT_ISSUE")
OOS = "OOS"
EACH = 24


def write_base(folder: Path) -> Path:
    """Write a DistilBERT of 2 layers x 48 whose embeddings are a random projection of the packaged MiniLM's."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel
    from triage_models.training.base_model import default_base, load_encoder, save_tokenizer

    base = default_base()
    embeddings = load_encoder(base).embeddings.word_embeddings.weight.detach()
    torch.manual_seed(0)
    config: dict[str, Any] = {"dim": 48, "n_layers": 2, "n_heads": 2, "hidden_dim": 192, "max_position_embeddings": 128}
    encoder = DistilBertModel(DistilBertConfig(vocab_size=len(embeddings), **config))
    axes, _ = torch.linalg.qr(torch.randn(embeddings.shape[1], config["dim"]))
    with torch.no_grad():
        encoder.embeddings.word_embeddings.weight.copy_(embeddings @ axes)
    encoder.save_pretrained(folder)
    save_tokenizer(base, folder)
    return folder


def tiny_rows(each: int = EACH, labels: Sequence[str] = (*LABELS, OOS)) -> list[tuple[str, str]]:
    """Return the first texts of each label in the corpus, with their label."""
    messages = read_messages()
    of_label = {label: [message.text for message in messages if message.label == label] for label in labels}
    return [(text, label) for label in labels for text in of_label[label][:each]]


def write_csv(file: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = ("text", "label")) -> Path:
    """Write a CSV with a header, and return its path."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return file


def train_tiny(folder: Path, base: Path | None = None) -> Path:
    """Train a real bundle on 120 rows: trained, exported, calibrated by cross-fitting, published."""
    from triage_models.training import train

    csv_file = write_csv(folder / "rows.csv", tiny_rows())
    return train(csv_file, folder / "tiny", base=str(base or write_base(folder / "base")), epochs=6)
