"""Trains the shipped bundle from the corpus and public data sets: ``python -m triage_models.training.ecommerce``.

The training data is the project's corpus (`models/corpus`) and, as out of scope, a few rows of each CLINC150 intent
that no shop could act on. The training rows of ``ecomintent`` come from templates, so they are generated rows.
SOFMattress is left out, so that it measures how the bundle does on a shop that it has never seen.
"""

import csv
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from triage_models.data.corpus import CORPUS_DIR, LABELS_CSV, MESSAGES_CSV, OOS_LABEL
from triage_models.data.training_rows import read_training_rows
from triage_models.data.two_wishes import fitting_rows
from triage_models.errors import DataError
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.progress import ProgressCallback, progress_display
from triage_models.training.pipeline import train
from triage_models.training.recipe import Recipe
from triage_models.training.two_wishes import fit_two_wishes

PUBLIC = Path("../shared/data")
GENERATED = Path("ecomintent", "train.csv")
"""In the folder of the public data sets: the generated rows."""

EPOCHS = 5.0
RECIPE = Recipe(
    epochs=EPOCHS, batch=32, rate=8e-5, head_rate=2e-3, layer_decay=1.0, noise=0.5, words_frozen=True,
    class_balance=0.0, averaged=3, word_share=0.4,
)  # fmt: skip
"""Chosen on kinds of shop that were left out: docs/evaluation.md has the figures, and what else was tried."""

MAX_ERROR = 0.04
"""Stricter than the default: shops and channels that nobody trained on are harder than those that were held out."""

LANGUAGES = ("en", "hi")
"""English, and Hindi for Hinglish; what is found to be in another language is refused without asking the model."""

OOS_ROWS_PER_INTENT = 6
OOS_WEIGHT = 0.5
OOS_INTENTS = "clinc150_out_of_scope.txt"
"""The CLINC150 intents that are used: no shop acts on them, and the corpus does not define their border."""


def assemble(public: Path, csv_file: Path, *, without: Collection[str] = ()) -> None:
    """Write the training CSV ``text,label,shop,weight``; SOFMattress and every test split are left out.

    Args:
        public: folder of the public data sets.
        csv_file: where to write.
        without: shops of the corpus to leave out.
    """
    corpus = read_training_rows(MESSAGES_CSV)
    corpus = corpus.take(row for row, shop in enumerate(corpus.groups) if shop not in without)
    oos_texts = _oos_texts(public)
    csv_file.parent.mkdir(parents=True, exist_ok=True)
    with csv_file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["text", "label", "shop", "weight"])
        writer.writerows(zip(corpus.texts, corpus.labels, corpus.groups, [1.0] * len(corpus), strict=True))
        writer.writerows((text, OOS_LABEL, "", OOS_WEIGHT) for text in oos_texts)


def train_on(
    csv_file: Path,
    public: Path,
    output: Path,
    *,
    epochs: float = EPOCHS,
    seed: int = 0,
    progress: ProgressCallback = lambda stage, share: None,
) -> Path:
    """Train a bundle by the recipe of the shipped one.

    Args:
        csv_file: what `assemble` wrote.
        public: folder of the public data sets.
        output: the bundle's folder.
        epochs: passes over the data.
        seed: seed of every draw.
        progress: called with the stage and its progress.
    """
    return train(
        csv_file,
        output,
        generated=public / GENERATED,
        recipe=replace(RECIPE, epochs=epochs),
        max_error=MAX_ERROR,
        seed=seed,
        descriptions=LABELS_CSV,
        languages=LANGUAGES,
        progress=progress,
    )


def _oos_texts(public: Path) -> list[str]:
    intents = set((CORPUS_DIR / OOS_INTENTS).read_text(encoding="utf-8").split())
    rows = read_training_rows(public / "clinc150" / "train.csv")
    by_intent: dict[str, list[str]] = {}
    for text, label in zip(rows.texts, rows.labels, strict=True):
        if label in intents and len(by_intent.setdefault(label, [])) < OOS_ROWS_PER_INTENT:
            by_intent[label].append(text)
    return [text for texts in by_intent.values() for text in texts]


def main(
    public: Annotated[
        Path, typer.Option("--data", envvar="TRIAGE_DATA", help="folder of the public data sets")
    ] = PUBLIC,
    output: Annotated[Path, typer.Option(help="folder of the bundle")] = DEFAULT_BUNDLE,
    epochs: Annotated[float, typer.Option(help="passes over the data")] = EPOCHS,
    seed: int = 0,
) -> None:
    """Train the shipped bundle."""
    csv_file = Path("runs") / "ecommerce.csv"
    try:
        assemble(public, csv_file)
        with progress_display(Console(stderr=True)) as progress:
            train_on(csv_file, public, output, epochs=epochs, seed=seed, progress=progress)
        fit_two_wishes(output, fitting_rows())
    except DataError as error:
        raise SystemExit(f"train-ecommerce: {error}") from error


if __name__ == "__main__":
    typer.run(main)
