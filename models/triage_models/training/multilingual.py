"""Trains the multilingual bundle: ``python -m triage_models.training.multilingual``.

The base is multilingual-e5-small with the word pieces that these languages need. A network with all its twelve layers
is trained first; the one that serves has nine of them and learns what the first one answers. The rows are those of the
English bundle and the corpora of the other languages.
"""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from triage_models.data.corpus import LABELS_CSV, LANGUAGES_DIR, OOS_LABEL, OTHER_LANGUAGES_CSV, read_messages
from triage_models.data.splits import split_rows
from triage_models.data.training_rows import TrainingRows, read_training_rows
from triage_models.data.two_wishes import fitting_rows
from triage_models.errors import DataError
from triage_models.paths import MULTILINGUAL_BUNDLE
from triage_models.progress import ProgressCallback, progress_display
from triage_models.text.language import LanguageDetector
from triage_models.training import ecommerce, multilingual_base
from triage_models.training.packaged_e5 import read_packaged
from triage_models.training.pipeline import train
from triage_models.training.recipe import Recipe
from triage_models.training.two_wishes import fit_two_wishes

RECIPE = Recipe(
    epochs=3.0, batch=32, rate=1e-4, head_rate=2e-3, layer_decay=1.0, noise=0.5, words_frozen=True,
    class_balance=0.0, anchor=1.0, layers=9, averaged=3, word_share=0.4,
)  # fmt: skip
"""With six layers, messages in other languages than English were right less often on kinds of shop left out."""

COMMON_WORDS = 7_000
"""The word pieces of so many words of each language are kept, besides those of the corpora."""

HELD_OUT_SHARE = 0.12
"""Share of each language's rows that is calibrated with; whole kinds of shop, where they have a name."""

FALSE_SECONDS = 0.05
"""More than for the English bundle, since fewer ordinary messages are given a second wish at the same share."""

_NOT_READ = "other language:"
"""Begins the groups of rows in languages that the bundle does not answer: no word piece is kept for them."""

FOLDER = Path("runs") / "multilingual"


def languages() -> list[str]:
    """Return the codes of all languages of the bundle, sorted."""
    return sorted(["en", *(file.stem for file in LANGUAGES_DIR.glob("*.csv"))])


def assemble(public: Path, folder: Path, *, without: Collection[str] = (), seed: int = 0) -> tuple[Path, Path]:
    """Write ``train.csv`` and ``held_out.csv`` with the columns ``text,label,shop,weight``.

    Args:
        public: folder of the public data sets.
        folder: where to write.
        without: shops to leave out: ``perfume`` of the English corpus, ``es:shoes`` of the Spanish one.
        seed: seed of the split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    english = folder / "english.csv"
    ecommerce.assemble(public, english, without=without)
    every = (_english(english), *_others(without), _not_read())
    parts = [split_rows(rows, HELD_OUT_SHARE, seed) for rows in every]
    files = folder / "train.csv", folder / "held_out.csv"
    for file, rows in zip(files, zip(*parts, strict=True), strict=True):
        _write(file, rows)
    return files


def _english(file: Path) -> TrainingRows:
    """Read the English rows without those that are out of scope there for their language alone."""
    rows, known = read_training_rows(file), languages()
    find, others = LanguageDetector.open().detect, set(known) - {"en"}
    return rows.take(
        row
        for row, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True))
        if label != OOS_LABEL or find(text, known).language not in others
    )


def _others(without: Collection[str]) -> Iterator[TrainingRows]:
    for file in sorted(LANGUAGES_DIR.glob("*.csv")):
        rows = read_training_rows(file)
        # No kind of shop, so that it is split row by row: one in four is of this kind, too many to hold out whole.
        shops = ["" if shop == "generic" else f"{file.stem}:{shop}" for shop in rows.groups]
        named = TrainingRows(rows.texts, rows.labels, shops)
        yield named.take(row for row, shop in enumerate(shops) if shop not in without)


def _not_read() -> TrainingRows:
    """Read the rows in languages that the bundle does not answer; each language is a group, held out as a whole."""
    rows = read_messages(OTHER_LANGUAGES_CSV)
    groups = [f"{_NOT_READ}{row.language}" for row in rows]
    return TrainingRows([row.text for row in rows], [row.label for row in rows], groups)


def _write(file: Path, parts: Collection[TrainingRows]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["text", "label", "shop", "weight"])
        for rows in parts:
            groups = rows.groups or [""] * len(rows)
            writer.writerows(zip(rows.texts, rows.labels, groups, rows.weight_array().tolist(), strict=True))


def write_base(folder: Path, csv_file: Path) -> None:
    """Write the base model, with the word pieces of the languages' common words and of the rows to train on."""
    model = read_packaged(multilingual_base.packaged_file())
    rows = read_training_rows(csv_file)
    texts = [text for text, group in zip(rows.texts, rows.groups, strict=True) if not group.startswith(_NOT_READ)]
    words = multilingual_base.common_words(languages(), COMMON_WORDS)
    multilingual_base.write_base(model, [*texts, *words], folder)


def train_on(
    csv_file: Path,
    held_out: Path,
    public: Path,
    output: Path,
    *,
    base: Path,
    seed: int = 0,
    progress: ProgressCallback = lambda stage, share: None,
) -> Path:
    """Train a bundle by this recipe.

    Args:
        csv_file: the rows to train on.
        held_out: the rows to calibrate with.
        public: folder of the public data sets.
        output: the bundle's folder.
        base: what `write_base` wrote.
        seed: seed of every draw.
        progress: called with the stage and its progress.
    """
    return train(
        csv_file,
        output,
        validation=held_out,
        generated=public / "ecomintent" / "train.csv",
        base=str(base),
        recipe=RECIPE,
        max_error=ecommerce.MAX_ERROR,
        seed=seed,
        descriptions=LABELS_CSV,
        languages=languages(),
        gpu_model=False,
        progress=progress,
    )


def main(
    public: Annotated[
        Path, typer.Option("--data", envvar="TRIAGE_DATA", help="folder of the public data sets")
    ] = ecommerce.PUBLIC,
    output: Annotated[Path, typer.Option(help="folder of the bundle")] = MULTILINGUAL_BUNDLE,
    seed: int = 0,
) -> None:
    """Train the multilingual bundle."""
    try:
        files, base = assemble(public, FOLDER, seed=seed), FOLDER / "base"
        write_base(base, files[0])
        with progress_display(Console(stderr=True)) as progress:
            train_on(*files, public, output, base=base, seed=seed, progress=progress)
        fit_two_wishes(output, fitting_rows(), FALSE_SECONDS)
    except DataError as error:
        raise SystemExit(f"train-multilingual: {error}") from error


if __name__ == "__main__":
    typer.run(main)
