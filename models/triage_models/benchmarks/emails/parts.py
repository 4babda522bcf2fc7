"""The parts that the e-mails are made of: wishes, stories, signatures and the like in five languages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import yaml

FOLDER = Path(__file__).parents[3] / "held_out" / "emails"
LANGUAGES = ("en", "es", "fr", "de", "pt")

Half = Literal["rules", "held"]
"""``rules``: the parts that were looked at while the rules were written; ``held``: the parts that were not."""


class Wish(NamedTuple):
    """What a customer wants, and the intent of it."""

    text: str
    intent: str


class Parts(NamedTuple):
    """The parts of one language and one half."""

    language: str
    wishes: list[Wish]
    stories: list[str]
    greetings: list[str]
    closings: list[str]
    signatures: list[str]
    devices: list[str]
    disclaimers: list[str]
    quoted: list[str]


def read_parts(language: str, half: Half, folder: Path = FOLDER) -> Parts:
    """Read the parts of one language and one half."""
    halves = yaml.safe_load((folder / f"{language}.yaml").read_text(encoding="utf-8"))
    parts: Mapping[str, list[str]] = {name: part for name, part in halves[half].items() if name != "wishes"}
    wishes = [Wish(text, intent) for intent, texts in halves[half]["wishes"].items() for text in texts]
    return Parts(language, wishes, **parts)
