"""Makes the table of words that `triage_models.text.language_words` reads.

    python -m triage_models.training.language_words OUTPUT ROWS.csv...

The files have the columns ``text`` and ``language``. Rows without a language are English, except those in the register
``hinglish``, which are Hindi.
"""

import csv
import random
import re
import sys
from collections import Counter
from pathlib import Path

from triage_models.text.language_words import parts_of, plain, words_of

LEAST = 2
"""In how many texts a word must be: others are names and slips."""

LEAST_PARTS = 5
"""The same for the beginnings and ends of words."""

MOST_ROWS = 9_000
"""Rows of one language; more of one than of others would only make its rare words known."""

_HINDI = re.compile(r"\b(hai|kya|nahi|nhi|kab|kaise|mera|karna|chahiye|kitna|milega|bhai|raha|ka|ki|ko|se)\b")
"""Two of these words in an English row make it Hindi, or half of it."""


def count_words(rows: list[tuple[str, str]]) -> dict[str, Counter[str]]:
    """Count in how many texts of each language a word is: ``{word: {language: texts}}``.

    Args:
        rows: texts with their language.
    """
    found: dict[str, Counter[str]] = {}
    for text, language in rows:
        words = set(words_of(plain(text)))
        for entry in words.union(part for word in words for part in parts_of(word)):
            found.setdefault(entry, Counter())[language] += 1
    return {
        entry: counts for entry, counts in found.items() if counts.total() >= (LEAST_PARTS if "-" in entry else LEAST)
    }


def read_rows(files: list[Path]) -> list[tuple[str, str]]:
    """Read texts with their language, at most `MOST_ROWS` of each, drawn at random."""
    by_language: dict[str, list[str]] = {}
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                hindi = row.get("register") == "hinglish"
                language = row.get("language") or ("hi" if hindi else "en")
                if language != "en" or len(_HINDI.findall(row["text"].lower())) < 2:
                    by_language.setdefault(language, []).append(row["text"])
    draw = random.Random(0)
    return [
        (text, language)
        for language, texts in sorted(by_language.items())
        for text in draw.sample(texts, min(MOST_ROWS, len(texts)))
    ]


def write_table(counts: dict[str, Counter[str]], output: Path) -> None:
    """Write the table: the languages in the first line, then a word and its counts in each."""
    languages = sorted({language for found in counts.values() for language in found})
    lines = ["\t".join(["word", *languages])]
    for word, found in sorted(counts.items()):
        lines.append("\t".join([word, *(f"{language}:{count}" for language, count in sorted(found.items()))]))
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Read the files and write the table."""
    output, *files = map(Path, arguments)
    write_table(count_words(read_rows(files)), output)


if __name__ == "__main__":
    main(sys.argv[1:])
