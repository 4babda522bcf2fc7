"""Trains the shipped bundle from the corpus and the public sets: ``python -m triage_models.training.ecommerce``.

Trained on the project's corpus (`models/corpus`), on ``ecomintent`` (train), and, as out of scope, on a few rows of
each CLINC150 intent that no shop could act on. SOFMattress is left out, so that it can say how the bundle does on a
shop that it never met.
"""

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from triage_models import DEFAULT_BUNDLE, shipped
from triage_models.errors import DataError
from triage_models.progress import reporting
from triage_models.training.data import read_csv
from triage_models.training.run import train

PUBLIC = Path("../shared/data")
CORPUS = shipped("corpus")
TEMPLATES_WEIGHT = 0.35
"""`ecomintent` is large and alike: each of its rows is drawn about once in three epochs."""

EPOCHS = 5.0

FOREIGN_EACH = 6
FOREIGN_WEIGHT = 0.5
OUT_OF_SCOPE = "clinc150_out_of_scope.txt"
"""The CLINC150 intents used: those that no shop acts on, and whose border the corpus does not draw."""


def assemble(public: Path, csv_file: Path, *, without: Collection[str] = (), templates: float = 1.0) -> None:
    """Write the training CSV ``text,label,shop,weight``; SOFMattress and every test split stay out.

    ``without`` are shops of the corpus that stay out, too, and ``templates`` is the share of `ecomintent` that is used.
    """
    corpus = read_csv(CORPUS / "messages.csv")
    corpus = corpus.take(row for row, shop in enumerate(corpus.groups) if shop not in without)
    templated = read_csv(public / "ecomintent" / "train.csv")
    templated = templated.take(range(0, len(templated), round(1 / templates)))
    foreign = _foreign(public)
    csv_file.parent.mkdir(parents=True, exist_ok=True)
    with csv_file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["text", "label", "shop", "weight"])
        writer.writerows(zip(corpus.texts, corpus.labels, corpus.groups, [1.0] * len(corpus), strict=True))
        writer.writerows(
            (text, label, "", TEMPLATES_WEIGHT) for text, label in zip(templated.texts, templated.labels, strict=True)
        )
        writer.writerows((text, "OOS", "", FOREIGN_WEIGHT) for text in foreign)


def _foreign(public: Path) -> list[str]:
    used = set((CORPUS / OUT_OF_SCOPE).read_text(encoding="utf-8").split())
    rows = read_csv(public / "clinc150" / "train.csv")
    taken: dict[str, list[str]] = {}
    for text, label in zip(rows.texts, rows.labels, strict=True):
        if label in used and len(taken.setdefault(label, [])) < FOREIGN_EACH:
            taken[label].append(text)
    return [text for texts in taken.values() for text in texts]


def main(
    public: Annotated[Path, typer.Option("--data", envvar="TRIAGE_DATA", help="folder of the public sets")] = PUBLIC,
    output: Annotated[Path, typer.Option(help="where the bundle goes")] = DEFAULT_BUNDLE,
    epochs: Annotated[float, typer.Option(help="passes over the data")] = EPOCHS,
    seed: int = 0,
) -> None:
    """Train the shipped bundle."""
    csv_file = Path("runs") / "ecommerce.csv"
    try:
        assemble(public, csv_file)
        with reporting(Console(stderr=True)) as report:
            train(
                csv_file,
                output,
                epochs=epochs,
                seed=seed,
                descriptions=CORPUS / "labels.csv",
                report=report,
            )
    except DataError as error:
        raise SystemExit(f"train-ecommerce: {error}") from error


if __name__ == "__main__":
    typer.run(main)
