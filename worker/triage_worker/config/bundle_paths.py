"""The setting of the bundle: one folder, or a folder for each language."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_settings import NoDecode
from triage_models.text.language import base_language
from triage_models.text.language_codes import LANGUAGE_CODES

from triage_worker.config.errors import ConfigError

DEFAULT = "*"
"""Stands for all other languages, and for messages whose language is unsure."""

KEY = r"\*|[^\s=,/\\.~{}\"']+"
"""What stands before a folder: nothing that looks like a path."""

BEGINS = re.compile(rf"\s*({KEY})\s*=")
BETWEEN = re.compile(rf",(?=\s*(?:{KEY})\s*=)")
LATER_DEFAULT = re.compile(r",\s*\*\s*=")
FORM = 'LANGUAGE=FOLDER, several separated by commas, or a JSON object such as {"en": "FOLDER", "*": "FOLDER"}'


def in_group(group: str, language: str) -> str:
    """Return the name of a language in a group of sources; the group that has no name is that of the environment."""
    return f"{group}:{language}" if group else language


@dataclass(frozen=True)
class BundlePaths:
    """The folders of the bundles that serve.

    Attributes:
        default: for all languages that have no bundle of their own, and for messages whose language is unsure.
        by_language: those of single languages, by ISO 639 code.
    """

    default: Path
    by_language: Mapping[str, Path] = field(default_factory=dict, hash=False)

    @property
    def only(self) -> Path:
        """The folder, for what is about one bundle.

        Raises:
            ConfigError: there are several; says what to give.
        """
        if len(self.by_languages) > 1:
            folders = ", ".join(map(str, self.by_languages.values()))
            raise ConfigError(
                f"This is about one bundle, and TRIAGE_BUNDLE names several: give --bundle one of {folders}."
            )
        return self.default

    @property
    def by_languages(self) -> dict[tuple[str, ...], Path]:
        """Each folder once, by the languages that it is for; that of all others is the first, by ``("*",)``."""
        folders: dict[Path, list[str]] = {self.default: [DEFAULT]}
        for language, folder in sorted(self.by_language.items()):
            if folder != self.default:
                folders.setdefault(folder, []).append(language)
        return {tuple(languages): folder for folder, languages in folders.items()}

    def served_by(self, group: str) -> dict[tuple[str, ...], Path]:
        """`by_languages` for a group of sources, whose name comes before each language, as in ``shop.chat:en``."""
        return {
            tuple(in_group(group, language) for language in languages): folder
            for languages, folder in self.by_languages.items()
        }

    def resolved(self) -> "BundlePaths":
        """Return the same folders as absolute paths, for processes with another working folder."""
        return BundlePaths(
            self.default.resolve(), {language: folder.resolve() for language, folder in self.by_language.items()}
        )

    def __str__(self) -> str:
        """Return the text that `parse_bundle_paths` makes this of."""
        pairs = [*self.by_language.items(), (DEFAULT, self.default)]
        plain = [",".join(f"{key}={folder}" for key, folder in pairs)]
        if not self.by_language:
            plain = [str(self.default), f"./{self.default}"]
        for text in plain:
            with suppress(ValueError):
                if parse_bundle_paths(text) == self:
                    return text
        return json.dumps({key: str(folder) for key, folder in pairs}, ensure_ascii=False)


def parse_bundle_paths(text: str) -> BundlePaths:
    """Parse a folder, or folders by language.

    Args:
        text: a path; or ``en=PATH,*=PATH``; or a JSON object, for paths with a comma and an equal sign after it. A path
            that begins with a word and an equal sign is given as ``./word=…``.

    Raises:
        ValueError: it is meant as folders by language, and cannot be read as such; says what is wrong.
    """
    if text.lstrip().startswith("{"):
        pairs = _json_pairs(text)
    elif BEGINS.match(text) or LATER_DEFAULT.search(text):
        pairs = list(_pairs(text))
    else:
        return BundlePaths(Path(text))
    folders: dict[str, Path] = {}
    for key, folder in pairs:
        language = _language(key)
        if language in folders:
            raise ValueError(f"{language} is given twice")
        if not folder:
            raise ValueError(f"{key} has no folder after it")
        folders[language] = Path(folder)
    if DEFAULT not in folders:
        raise ValueError(
            "other languages, and messages whose language is unsure, have no bundle: add *=FOLDER (a folder that "
            f"begins like this is ./{pairs[0][0]}=…)"
        )
    return BundlePaths(folders.pop(DEFAULT), folders)


def _json_pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except ValueError:
        pairs = None
    if not isinstance(pairs, list) or not pairs or not all(isinstance(value, str) for _, value in pairs):
        raise ValueError(f"bundles by language are {FORM}")
    return [(key.strip(), value.strip()) for key, value in pairs]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in BETWEEN.split(text.rstrip().removesuffix(",")):
        begins = BEGINS.match(part)
        if begins is None:
            raise ValueError(f"{part.strip()!r} has no language before it: write {FORM}")
        yield begins[1], part[begins.end() :].strip()


def _language(key: str) -> str:
    if key == DEFAULT:
        return key
    language = base_language(key)
    if language not in LANGUAGE_CODES:
        raise ValueError(
            f"{key!r} is no language: write a code of ISO 639-1, such as en, or * for all others (a folder that begins "
            f"like this is ./{key}=…, and one with a comma before it goes into a JSON object)"
        )
    if re.search(r"[-_]", key):
        raise ValueError(f"{key!r} is narrower than the languages that are told apart: write {language}")
    return language


def _bundle_paths(value: object) -> object:
    if not isinstance(value, str):
        return BundlePaths(value) if isinstance(value, Path) else value
    try:
        return parse_bundle_paths(value)
    except ValueError:
        if _is_folder(value):
            return BundlePaths(Path(value))
        raise


def _one_folder(value: object) -> object:
    if not isinstance(value, str) or _is_folder(value):
        return value
    try:
        return parse_bundle_paths(value).only
    except (ValueError, ConfigError):
        raise ValueError(
            "this is one bundle, which is compared on messages in all languages: give one folder, without a language "
            "(one whose name looks like that is given with ./ before it)"
        ) from None


def _is_folder(text: str) -> bool:
    """Whether there is a folder of this very name, however much it looks like folders by language."""
    try:
        return Path(text).is_dir()
    except OSError:  # the text is too long for a name
        return False


Bundles = Annotated[
    BundlePaths, NoDecode, BeforeValidator(_bundle_paths), PlainSerializer(str, return_type=str, when_used="json")
]
OneBundle = Annotated[Path, BeforeValidator(_one_folder)]
