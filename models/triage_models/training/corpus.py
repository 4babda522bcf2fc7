"""What the project's corpus holds, and that nothing in it is said twice: ``python -m triage_models.training.corpus``.

Prints rows by label, register and shop, exact and near-duplicates, and how varied its language is beside a
template-generated set. Exits with 1 where a message repeats another.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

from triage_models import shipped
from triage_models.data.labelled import folded
from triage_models.errors import DataError
from triage_models.training.base import default_base, load_encoder
from triage_models.training.data import read_csv
from triage_models.training.fit import embeddings_of
from triage_models.training.network import Network

MESSAGES = shipped("corpus") / "messages.csv"
TEMPLATES = Path("../shared/data/ecomintent/train.csv")
COLUMNS = ("text", "label", "shop", "register")
NEAR = 0.95
"""Cosine of two messages' embeddings above which they are one message typed twice."""

LONGEST = 128
BLOCK = 1024
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class Message(NamedTuple):
    """A row of the corpus; ``register`` is empty for the pilot's, which were written before registers were noted."""

    text: str
    label: str
    shop: str
    register: str


class Pair(NamedTuple):
    """Two rows, by position, and their cosine similarity."""

    first: int
    second: int
    cosine: float


def read_messages(path: Path = MESSAGES) -> list[Message]:
    """The corpus.

    Raises:
        DataError: the file is missing, or its columns are others.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
            if tuple(header) != COLUMNS:
                raise DataError(f"{path} has the columns {', '.join(header)}: a corpus has {', '.join(COLUMNS)}.")
            return [Message(*row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as a corpus: {error}.") from error


def exact_duplicates(texts: Sequence[str]) -> list[Pair]:
    """Texts that differ in case and spacing at most, each with the first of its kind."""
    firsts: dict[str, int] = {}
    pairs = []
    for row, text in enumerate(texts):
        first = firsts.setdefault(folded(text), row)
        if first != row:
            pairs.append(Pair(first, row, 1.0))
    return pairs


def near_duplicates(vectors: NDArray[np.float32]) -> list[Pair]:
    """Pairs of rows of ``vectors`` ``[N, D]``, unit length, whose cosine is above `NEAR`."""
    pairs = []
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors[start:].T
        for row, column in np.argwhere(np.triu(cosines > NEAR, k=1)).tolist():
            pairs.append(Pair(start + row, start + column, float(cosines[row, column])))
    return pairs


def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors ``[N, D]`` of texts by the packaged MiniLM, as it is: no training of ours decides what is alike."""
    base = default_base()
    tokenizer = Tokenizer.from_file(f"{base}/tokenizer.json")
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()
    network = Network(load_encoder(base), classes=1, dropout=0.0)
    vectors: NDArray[np.float32] = torch.nn.functional.normalize(embeddings_of(network, tokenizer, texts)).numpy()
    return vectors


def words(text: str) -> list[str]:
    """Lower-case words of a text, without punctuation."""
    return _WORD.findall(text.casefold())


def distinct(texts: Iterable[str], tokens: int, order: int) -> float:
    """Different n-grams of this order over all of them, 0 to 1, in the first ``tokens`` words; none spans two texts."""
    seen: set[tuple[str, ...]] = set()
    total = used = 0
    for text in texts:
        if used >= tokens:
            break
        own = words(text)[: tokens - used]
        used += len(own)
        grams = list(zip(*(own[shift:] for shift in range(order)), strict=False))
        seen.update(grams)
        total += len(grams)
    return len(seen) / max(1, total)


def main(
    templates: Annotated[
        Path | None, typer.Option(help=f"CSV to compare the language with [default: {TEMPLATES}, if there]")
    ] = None,
    corpus: Annotated[Path, typer.Option(help="the corpus")] = MESSAGES,
) -> None:
    """Report on the corpus; exit code 1 where a message repeats another."""
    console = Console(highlight=False)
    try:
        messages = read_messages(corpus)
        texts = [message.text for message in messages]
        _counts(console, messages)
        against = templates or (TEMPLATES if TEMPLATES.is_file() else None)
        if against is None:
            console.print(f"No {TEMPLATES} to compare the language with: name a CSV with --templates.\n")
        else:
            _diversity(console, texts, read_csv(against).texts, against)
        same = exact_duplicates(texts)
        known = {pair[:2] for pair in same}
        repeated = same + [pair for pair in near_duplicates(embedded(texts)) if pair[:2] not in known]
    except DataError as error:
        raise SystemExit(f"corpus: {error}") from error
    for first, second, cosine in repeated:
        console.print(f"messages {first + 1} and {second + 1}, {cosine:.3f}: {texts[first]!r}, {texts[second]!r}")
    console.print(f"{len(repeated)} messages repeat another (cosine above {NEAR} by the packaged MiniLM, or the same).")
    raise typer.Exit(1 if repeated else 0)


def _counts(console: Console, messages: Sequence[Message]) -> None:
    console.print(f"{len(messages)} messages, {len({message.shop for message in messages})} kinds of shop\n")
    for title, values in (
        ("label", [message.label for message in messages]),
        ("register", [message.register or "not noted" for message in messages]),
        ("shop", [message.shop for message in messages]),
    ):
        counts = ", ".join(f"{name} {count}" for name, count in Counter(values).most_common())
        console.print(f"By {title}: {counts}\n")


def _diversity(console: Console, texts: Sequence[str], others: Sequence[str], source: Path) -> None:
    """Distinct n-grams of both, on an equal number of words, since longer texts repeat more."""
    mixed, alien = ([own[row] for row in np.random.default_rng(0).permutation(len(own))] for own in (texts, others))
    tokens = min(sum(len(words(text)) for text in own) for own in (mixed, alien))
    table = Table("distinct n-grams", "corpus", str(source), title=f"in {tokens} words of each")
    for order in (1, 2, 3):
        shares = (f"{distinct(own, tokens, order):.3f}" for own in (mixed, alien))
        table.add_row(f"{order}-grams", *shares)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
