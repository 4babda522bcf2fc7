"""A base and data so small that a real training takes seconds: for tests of what trains, and of what serves.

    from tests.models.tiny import train_tiny
    bundle = train_tiny(folder)

needs the [train] extra; within ``tests/models`` the session fixtures ``tiny_base``, ``tiny_csv`` and ``tiny_bundle``
share one.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.training import data

LABELS = ("WISMO", "CANCEL_ORDER", "DAMAGED_ITEM", "ACCOUNT_ISSUE")
SCOPE = "OOS"
EACH = 24
CORPUS = DEFAULT_BUNDLE.parents[1] / "corpus" / "messages.csv"


def write_base(folder: Path) -> Path:
    """A DistilBERT of 2 layers x 48 whose word vectors are the packaged MiniLM's, projected at random."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel
    from triage_models.training.base import default_base, load_encoder, save_tokenizer

    base = default_base()
    words = load_encoder(base).embeddings.word_embeddings.weight.detach()
    torch.manual_seed(0)
    shape: dict[str, Any] = {"dim": 48, "n_layers": 2, "n_heads": 2, "hidden_dim": 192, "max_position_embeddings": 128}
    encoder = DistilBertModel(DistilBertConfig(vocab_size=len(words), **shape))
    axes, _ = torch.linalg.qr(torch.randn(words.shape[1], shape["dim"]))
    with torch.no_grad():
        encoder.embeddings.word_embeddings.weight.copy_(words @ axes)
    encoder.save_pretrained(folder)
    save_tokenizer(base, folder)
    return folder


def tiny_rows(each: int = EACH, labels: Sequence[str] = (*LABELS, SCOPE)) -> list[tuple[str, str]]:
    """So many texts of each label, from the head of each label's part of the corpus."""
    corpus = data.read_csv(CORPUS)
    of = {
        label: [text for text, own in zip(corpus.texts, corpus.labels, strict=True) if own == label] for label in labels
    }
    return [(text, label) for label in labels for text in of[label][:each]]


def write_csv(file: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = ("text", "label")) -> Path:
    """Rows below a header, as a user's CSV."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return file


def train_tiny(folder: Path, base: Path | None = None) -> Path:
    """A real bundle of 120 rows in a folder of its own: trained, exported, calibrated by folds, published."""
    from triage_models.training import train

    csv_file = write_csv(folder / "rows.csv", tiny_rows())
    return train(csv_file, folder / "tiny", base=str(base or write_base(folder / "base")), epochs=6)
