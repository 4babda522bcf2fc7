"""A shop's products by their names in a text."""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from triage_models.errors import DataError
from triage_models.text.entities.entity import Entity

_WORD = re.compile(r"\w+(?:['’]\w+)?")


class Catalogue:
    """Products by name; a name is found by its words, in any case and whatever is between them.

    Args:
        products: names with the product's id; a product may have several.
    """

    def __init__(self, products: Iterable[tuple[str, str]]) -> None:
        self._ids: dict[tuple[str, ...], str] = {}
        self._lengths: dict[str, list[int]] = {}
        for name, identity in products:
            words = tuple(_WORD.findall(name.casefold()))
            if words:
                self._ids[words] = identity
        for words in sorted(self._ids, key=len, reverse=True):
            lengths = self._lengths.setdefault(words[0], [])
            if len(words) not in lengths:
                lengths.append(len(words))

    @classmethod
    def read(cls, path: Path) -> "Catalogue":
        """Read a CSV file with the columns ``id`` and ``name``; others are ignored.

        Raises:
            DataError: the file cannot be read, or has other columns.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                missing = {"id", "name"} - set(rows.fieldnames or ())
                if missing:
                    raise DataError(f"{path} needs the columns id and name.")
                return cls([(row["name"] or "", row["id"] or "") for row in rows])
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path} cannot be read: {error}.") from None

    def find(self, text: str) -> Iterator[Entity]:
        """Yield products; of two names that begin with the same word, the longer one."""
        words = list(_WORD.finditer(text))
        folded = [word[0].casefold() for word in words]
        place = 0
        while place < len(words):
            length = next(
                (n for n in self._lengths.get(folded[place], ()) if tuple(folded[place : place + n]) in self._ids), 0
            )
            if length:
                identity = self._ids[tuple(folded[place : place + length])]
                yield Entity("product", words[place].start(), words[place + length - 1].end(), identity)
            place += length or 1
