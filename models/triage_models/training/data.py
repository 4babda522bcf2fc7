"""Labelled text: reading it, refusing what cannot be learnt from, and splitting it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.data.labelled import LABEL, OUT_OF_SCOPE_NAMES, TEXT, folded, labelled
from triage_models.data.tables import open_table
from triage_models.errors import DataError

GROUP_COLUMNS = ("group", "shop")
"""Rows of one group stay on one side of a split: an honest test is a shop that was never seen."""

FEWEST_GROUPS = 8
DESCRIPTION = "description"


@dataclass(frozen=True)
class Rows:
    """Texts with their labels; ``groups`` and ``weights`` where the CSV has such columns.

    ``weights`` say how often a row is drawn in an epoch: 1 is once, 0.2 is once in five epochs.
    """

    texts: list[str]
    labels: list[str]
    groups: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Iterable[int]) -> "Rows":
        """The rows at these positions, in this order."""
        keep = list(rows)
        return Rows(
            [self.texts[row] for row in keep],
            [self.labels[row] for row in keep],
            [self.groups[row] for row in keep] if self.groups else [],
            [self.weights[row] for row in keep] if self.weights else [],
        )

    def drawn(self) -> NDArray[np.float64]:
        """Weights as an array, 1 where none were given."""
        return np.asarray(self.weights or [1.0] * len(self), dtype=np.float64)


def read_csv(path: Path, *, label: str | None = None) -> Rows:
    """Read a CSV with the columns ``text,label`` and, if it has them, ``group`` (or ``shop``) and ``weight``.

    Args:
        path: the file, UTF-8 with a header line.
        label: the label of every row; the column is then not needed.

    Raises:
        DataError: no such file, no such column, or a row without text or label, with its line.
    """
    with open_table(path, [TEXT] if label is not None else [TEXT, LABEL]) as table:
        columns = table.columns
        group = next((name for name in GROUP_COLUMNS if name in columns), None)
        rows = Rows([], [])
        for text, name, record in labelled(table, label):
            rows.texts.append(text)
            rows.labels.append(name)
            if group:
                rows.groups.append(record[group])
            if "weight" in columns:
                rows.weights.append(_weight(path, table.line, record["weight"]))
    return rows


def _weight(path: Path, line: int, value: str | None) -> float:
    try:
        weight = float(value or "")
    except ValueError:
        weight = -1.0
    if not 0 < weight <= 100:
        raise DataError(f"{path}, line {line}: weight '{value}' is not a number above 0 and up to 100.")
    return weight


def out_of_scope_name(labels: Sequence[str], asked: str | None, extra_rows: bool) -> str | None:
    """The name of the out-of-scope class: the one asked for, else one found in the data, else "OOS" for extra rows.

    Raises:
        DataError: a label is called like the class that separate out-of-scope rows would get, or the one asked for is
            nowhere in the data.
    """
    found = next((name for name in sorted(set(labels)) if name.lower() in OUT_OF_SCOPE_NAMES), None)
    if asked is not None:
        if asked not in labels and not extra_rows:
            some = ", ".join(sorted(set(labels))[:8])
            raise DataError(f"No row has the out-of-scope label '{asked}': the data's labels are {some}.")
        return asked
    if found is not None and extra_rows:
        raise DataError(
            f"The data has a label '{found}' and out-of-scope rows come in a file of their own: "
            f"say --out-of-scope-label {found} if both mean the same, else rename the label."
        )
    return found or ("OOS" if extra_rows else None)


def check_learnable(rows: Rows, scope: str | None) -> None:
    """Refuse data with fewer than two labels, with two that read alike or with a label of fewer than two texts.

    Raises:
        DataError: says which label, and how many rows it has.
    """
    alike: dict[str, str] = {}
    for name in sorted(set(rows.labels)):
        if (other := alike.setdefault(folded(name), name)) != name:
            raise DataError(f"The labels '{other}' and '{name}' differ only in case or spacing: decide for one.")
    counts = Counter(label for label in rows.labels if label != scope)
    if len(counts) < 2:
        only = next(iter(counts), "none")
        raise DataError(f"The data has one label to learn ({only}): a classifier needs at least two.")
    label, fewest = min(counts.items(), key=lambda item: (item[1], item[0]))
    if fewest < 2:
        thin = sum(count < 2 for count in counts.values())
        raise DataError(
            f"{thin} of {len(counts)} labels have a single row ('{label}' is one): give each at least 2 different "
            "texts, better 5, or merge it with another."
        )


def deduplicate(rows: Rows) -> tuple[Rows, int]:
    """Drop repeated texts (same letters, any case and spacing), keeping the first; says how many went.

    Raises:
        DataError: the same text stands under two labels so often that nothing can be learnt (over 5 % of rows).
    """
    seen: dict[str, str] = {}
    keep: list[int] = []
    contradicting = 0
    for row, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True)):
        key = folded(text)
        if key not in seen:
            seen[key] = label
            keep.append(row)
        elif seen[key] != label:
            contradicting += 1
    if contradicting > max(20, 0.05 * len(rows)):
        raise DataError(
            f"{contradicting} of {len(rows)} rows repeat a text under another label: decide for one label each."
        )
    return rows.take(keep), len(rows) - len(keep)


def without(rows: Rows, others: Rows) -> tuple[Rows, int]:
    """``rows`` less the texts that ``others`` has too, and how many those were."""
    known = {folded(text) for text in others.texts}
    keep = [row for row, text in enumerate(rows.texts) if folded(text) not in known]
    return rows.take(keep), len(rows) - len(keep)


def grouped(rows: Rows) -> bool:
    """Whether there are groups enough to hold some out whole."""
    return len(set(rows.groups)) >= FEWEST_GROUPS


def split(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Two parts, the second of about ``share`` of the rows: whole groups where there are any, else by label.

    Every label keeps at least one row in the first part.
    """
    random = np.random.default_rng(seed)
    held = _held_groups(rows, share, random) if grouped(rows) else set()
    held = held or _held_rows(rows, share, random)  # where every group is larger than the share
    return rows.take(row for row in range(len(rows)) if row not in held), rows.take(sorted(held))


def _held_groups(rows: Rows, share: float, random: np.random.Generator) -> set[int]:
    """Rows of whole groups, drawn at random until there are enough; rows without a group are never among them."""
    sizes = Counter(group for group in rows.groups if group)
    names = sorted(sizes)
    random.shuffle(names)
    chosen: set[str] = set()
    wanted = share * sum(sizes.values())
    for name in names:
        if sum(sizes[group] for group in chosen) + sizes[name] / 2 <= wanted:
            chosen.add(name)
    held = {row for row, group in enumerate(rows.groups) if group in chosen}
    kept = {rows.labels[row] for row in range(len(rows)) if row not in held}
    return {row for row in held if rows.labels[row] in kept}


def _held_rows(rows: Rows, share: float, random: np.random.Generator) -> set[int]:
    """So many rows of each label; of labels whose share is less than a row, now and then one gives a row for all."""
    held: set[int] = set()
    owed = 0.0
    for label in sorted(set(rows.labels)):
        own = [row for row, name in enumerate(rows.labels) if name == label]
        random.shuffle(own)
        count = round(share * len(own))
        if not count:
            owed += share * len(own)
            count = int(owed)
            owed -= count
        held.update(own[: min(count, len(own) - 1)])
    return held


def fingerprint(rows: Rows) -> str:
    """SHA-256 over texts, labels and weights in order: what a bundle was trained on."""
    digest = hashlib.sha256()
    for text, label, weight in zip(rows.texts, rows.labels, rows.drawn(), strict=True):
        digest.update(f"{text}\0{label}\0{weight:g}\n".encode())
    return digest.hexdigest()


def read_descriptions(path: Path | None, labels: Sequence[str]) -> dict[str, str]:
    """What each label means, from a CSV with ``label,description``; a label without one is described by its name.

    Raises:
        DataError: no such file or column.
    """
    described: dict[str, str] = {}
    if path is not None:
        with open_table(path, [LABEL, DESCRIPTION]) as table:
            described = {record[LABEL].strip(): record[DESCRIPTION].strip() for record in table}
    return {label: described.get(label) or label.replace("_", " ").lower() for label in labels}
