"""Says which bundle reads the languages of messages."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from triage_models.bundle.bundle import Bundle
from triage_models.paths import DEFAULT_BUNDLE, MULTILINGUAL_BUNDLE

from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.settings import Settings

LEAST_MORE = 0.05
"""The share of the messages that another bundle has to read more, to be proposed."""

LEAST_MESSAGES = 2


@dataclass(frozen=True, slots=True)
class Fit:
    """How far bundles read the languages of messages.

    Attributes:
        languages: how many messages are in each language; None are those of which it is unsure.
        own: the languages that the bundles of the settings read; None if they answer any.
        refused: how many messages are in another language, for which they refuse it.
        better: a shipped bundle that reads more of them; None if there is none.
        left: languages that neither reads, the most frequent first.
    """

    languages: Counter[str | None]
    own: frozenset[str] | None
    refused: int
    better: Path | None
    left: list[str]


def fit(languages: Counter[str | None], own: frozenset[str] | None, shipped: Mapping[Path, Collection[str]]) -> Fit:
    """Compare the languages of messages with those of bundles.

    Args:
        languages: how many messages are in each language; None are those of which it is unsure.
        own: that the bundles of the settings read; None if they answer any.
        shipped: the languages of other bundles, by folder.
    """
    known = {language: count for language, count in languages.items() if language is not None}
    refused = 0 if own is None else sum(count for language, count in known.items() if language not in own)
    better = None
    if refused:
        left = {
            folder: sum(count for language, count in known.items() if language not in read)
            for folder, read in shipped.items()
        }
        folder = min(left, key=lambda one: left[one], default=None)
        more = 0 if folder is None else refused - left[folder]
        if more >= max(LEAST_MESSAGES, LEAST_MORE * languages.total()):
            better = folder
    read_then: Collection[str] | None = own if better is None else shipped[better]
    unread = (
        [] if read_then is None else [one for one in sorted(known, key=lambda one: -known[one]) if one not in read_then]
    )
    return Fit(languages, own, refused, better, unread)


def own_languages(settings: Settings) -> frozenset[str] | None:
    """Return the languages that the bundles of the settings read; None if they answer any.

    Raises:
        BundleError: a bundle cannot be opened.
    """
    read: set[str] = set()
    for serves, folder in settings.bundle.by_languages.items():
        named = Bundle.open(folder, verify=False).manifest.languages
        if named is None and "*" in serves:
            return None
        read |= {*serves} - {"*"} if "*" not in serves else {*(named or ())}
    return frozenset(read)


def shipped_languages() -> dict[Path, tuple[str, ...]]:
    """Return the languages of the bundles that are shipped, by folder; that in many languages is in a checkout only."""
    folders = [folder for folder in (DEFAULT_BUNDLE, MULTILINGUAL_BUNDLE) if folder.is_dir()]
    return {folder: tuple(Bundle.open(folder, verify=False).manifest.languages or ()) for folder in folders}


def bundle_paths(folder: Path) -> BundlePaths:
    """Return a folder as a setting has it: relative to the working folder where it is below it."""
    here = Path.cwd()
    return BundlePaths(Path(os.path.relpath(folder, here)) if folder.is_relative_to(here) else folder)
