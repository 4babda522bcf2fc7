"""Checks the project's corpus: ``python -m triage_models.training.corpus_check``.

Prints rows by label, register, channel and shop, exact and near-duplicates, and how varied the language is compared
with a template-generated data set. The corpora in other languages follow. Exits with 1 if a message repeats another of
its language, or one that is held out for measuring.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

from triage_models.data.corpus import LANGUAGES_DIR, MESSAGES_CSV, OTHER_LANGUAGES_CSV, Message, read_messages
from triage_models.data.held_out import CHANNELS_CSV, PLAIN_DIR, SETTLED_DIR
from triage_models.data.held_out import LANGUAGES_DIR as HELD_OUT_LANGUAGES
from triage_models.data.held_out import OTHER_LANGUAGES_CSV as HELD_OUT_OTHER_LANGUAGES
from triage_models.data.training_rows import read_training_rows
from triage_models.errors import DataError
from triage_models.training.base_model import default_base, load_encoder
from triage_models.training.duplicates import NEAR_LETTERS, DuplicatePair, exact_duplicates, near_by_letters
from triage_models.training.inference import embed_texts
from triage_models.training.network import Network

TEMPLATES = Path("../shared/data/ecomintent/train.csv")
NEAR_DUPLICATE = 0.95
"""Cosine of two messages' embeddings above which they count as the same message."""

MAX_TOKENS = 128
BLOCK = 1024
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def near_duplicates(vectors: NDArray[np.float32]) -> list[DuplicatePair]:
    """Find pairs of rows of ``vectors`` ``[N, D]``, unit length, whose cosine is above `NEAR_DUPLICATE`."""
    pairs = []
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors[start:].T
        for row, column in np.argwhere(np.triu(cosines > NEAR_DUPLICATE, k=1)).tolist():
            pairs.append(DuplicatePair(start + row, start + column, float(cosines[row, column])))
    return pairs


def repeated_messages(texts: Sequence[str], held_out: Sequence[str] = ()) -> list[DuplicatePair]:
    """Find messages that repeat another one, or one that is held out, exactly or nearly.

    Args:
        texts: ``[N]`` the messages.
        held_out: messages that must not be among them; their positions count on from N.
    """
    every = [*texts, *held_out]
    pairs = exact_duplicates(every)
    exact = {pair[:2] for pair in pairs}
    pairs += [pair for pair in near_duplicates(embed_with_base(every)) if pair[:2] not in exact]
    return [pair for pair in pairs if pair.first < len(texts)]


def repeated_in_language(texts: Sequence[str], held_out: Sequence[str]) -> list[DuplicatePair]:
    """Do the same for another language than English, by letters too, since MiniLM does not know all scripts.

    Pairs in which MiniLM reads an unknown word, or other letters than Latin ones, are judged by letters alone: to it,
    all unknown words are the same, and those that it spells letter by letter nearly so.
    """
    every = [*texts, *held_out]
    known = words_known(every)
    near = (pair for pair in near_duplicates(embed_with_base(every)) if known[pair.first] and known[pair.second])
    pairs = {pair[:2]: pair for pair in [*near, *near_by_letters(every)]}
    return sorted(pair for pair in pairs.values() if pair.first < len(texts))


def embed_with_base(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors ``[N, D]`` by the packaged MiniLM, untrained, so that our training does not affect them."""
    network = Network(load_encoder(default_base()), classes=1, dropout=0.0)
    vectors: NDArray[np.float32] = torch.nn.functional.normalize(embed_texts(network, _tokenizer(), texts)).numpy()
    return vectors


def words_known(texts: Sequence[str]) -> list[bool]:
    """Return whether each text is in Latin letters, and the packaged MiniLM has word pieces for all of it."""
    tokenizer = _tokenizer()
    unknown = tokenizer.token_to_id("[UNK]")
    return [
        unknown not in encoding.ids and _latin(text)
        for text, encoding in zip(texts, tokenizer.encode_batch(list(texts)), strict=True)
    ]


def _latin(text: str) -> bool:
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in text if letter.isalpha())


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(f"{default_base()}/tokenizer.json")
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return _WORD.findall(text.casefold())


def distinct_ngram_share(texts: Iterable[str], words: int, order: int) -> float:
    """Return the share of distinct n-grams among all n-grams, 0 to 1; no n-gram spans two texts.

    Args:
        texts: the texts.
        words: only the first so many words of all texts count.
        order: n.
    """
    seen: set[tuple[str, ...]] = set()
    total = used = 0
    for text in texts:
        if used >= words:
            break
        own = split_words(text)[: words - used]
        used += len(own)
        ngrams = list(zip(*(own[shift:] for shift in range(order)), strict=False))
        seen.update(ngrams)
        total += len(ngrams)
    return len(seen) / max(1, total)


def main(
    templates: Annotated[
        Path | None, typer.Option(help=f"CSV to compare the language with [default: {TEMPLATES}, if it exists]")
    ] = None,
    corpus: Annotated[Path, typer.Option(help="the corpus")] = MESSAGES_CSV,
) -> None:
    """Check the corpus; the exit code is 1 if a message repeats another or one that is held out."""
    console = Console(highlight=False)
    try:
        messages = read_messages(corpus)
        texts = [message.text for message in messages]
        _print_counts(console, messages)
        source = templates or (TEMPLATES if TEMPLATES.is_file() else None)
        if source is None:
            console.print(f"There is no {TEMPLATES} to compare the language with: give a CSV with --templates.\n")
        else:
            _print_diversity(console, texts, read_training_rows(source).texts, source)
        held_out = _held_out_texts(CHANNELS_CSV, PLAIN_DIR / "en.csv", SETTLED_DIR / "en.csv")
        duplicates = repeated_messages(texts, held_out)
        files = [*sorted(LANGUAGES_DIR.glob("*.csv")), OTHER_LANGUAGES_CSV]
        in_languages = sum(_check_language(console, path) for path in files)
    except DataError as error:
        raise SystemExit(f"corpus: {error}") from error
    _print_pairs(console, texts, held_out, duplicates)
    console.print(
        f"{len(duplicates)} messages repeat another of the corpus or one of the {len(held_out)} that are held out "
        f"(identical, or with a cosine above {NEAR_DUPLICATE} by MiniLM), and {in_languages} in other languages "
        f"(or above {NEAR_LETTERS} by letters)."
    )
    raise typer.Exit(1 if duplicates or in_languages else 0)


def _check_language(console: Console, path: Path) -> int:
    """Print the counts and the repeated messages of a language, and return how many these are."""
    messages = read_messages(path)
    texts = [message.text for message in messages]
    folders = HELD_OUT_LANGUAGES, PLAIN_DIR, SETTLED_DIR
    others = [HELD_OUT_OTHER_LANGUAGES] if path == OTHER_LANGUAGES_CSV else []
    held_out = _held_out_texts(*(folder / path.name for folder in folders), *others)
    labels = ", ".join(f"{name} {count}" for name, count in Counter(one.label for one in messages).most_common())
    console.print(f"{path.stem}: {len(texts)} messages, {len(held_out)} held out: {labels}\n")
    pairs = repeated_in_language(texts, held_out)
    _print_pairs(console, texts, held_out, pairs)
    return len(pairs)


def _held_out_texts(*files: Path) -> list[str]:
    """Read the texts of these files, and nothing of those that are missing, as in a wheel."""
    texts: list[str] = []
    for file in filter(Path.is_file, files):
        with file.open(encoding="utf-8", newline="") as stream:
            texts += (row["text"] for row in csv.DictReader(stream))
    return texts


def _print_pairs(
    console: Console, texts: Sequence[str], held_out: Sequence[str], pairs: Sequence[DuplicatePair]
) -> None:
    every = [*texts, *held_out]
    for first, second, cosine in pairs:
        other = f"{second + 1}" if second < len(texts) else f"held-out message {second - len(texts) + 1}"
        console.print(f"messages {first + 1} and {other}, {cosine:.3f}: {every[first]!r}, {every[second]!r}")


def _print_counts(console: Console, messages: Sequence[Message]) -> None:
    console.print(f"{len(messages)} messages, {len({message.shop for message in messages})} kinds of shop\n")
    for title, values in (
        ("label", [message.label for message in messages]),
        ("register", [message.register or "not recorded" for message in messages]),
        ("channel", [message.channel for message in messages]),
        ("shop", [message.shop for message in messages]),
    ):
        counts = ", ".join(f"{name} {count}" for name, count in Counter(values).most_common())
        console.print(f"By {title}: {counts}\n")


def _print_diversity(console: Console, texts: Sequence[str], others: Sequence[str], source: Path) -> None:
    """Print distinct n-grams of both data sets on equally many words, since longer texts repeat more."""
    corpus, other = ([own[row] for row in np.random.default_rng(0).permutation(len(own))] for own in (texts, others))
    words = min(sum(len(split_words(text)) for text in own) for own in (corpus, other))
    table = Table("distinct n-grams", "corpus", str(source), title=f"in {words} words of each")
    for order in (1, 2, 3):
        shares = (f"{distinct_ngram_share(own, words, order):.3f}" for own in (corpus, other))
        table.add_row(f"{order}-grams", *shares)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
