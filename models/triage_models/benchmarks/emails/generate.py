"""Makes e-mails of the parts, always the same."""

import random
from typing import Literal, NamedTuple

from triage_models.benchmarks.emails.clients import CLIENTS, Written
from triage_models.benchmarks.emails.parts import LANGUAGES, Half, Parts, Wish, read_parts

Place = Literal["first", "middle", "last"]
PLACES: tuple[Place, ...] = ("first", "middle", "last")

PER_LANGUAGE = 20
"""E-mails of each language and each half: 200 in all."""


class Mail(NamedTuple):
    """One e-mail and what it was made of.

    Attributes:
        text: the whole e-mail, plain or as HTML.
        wish: what its sender wants.
        place: where the wish stands among what its sender wrote.
        client: the name of the mail program.
        noise: the parts that the sender's new text does not have: quotation, signature, line of a phone, disclaimer.
        language: a code of two letters.
    """

    text: str
    wish: Wish
    place: Place
    client: str
    noise: dict[str, str]
    language: str


def emails(half: Half, per_language: int = PER_LANGUAGE, languages: tuple[str, ...] = LANGUAGES) -> list[Mail]:
    """Make e-mails of one half of the parts: each wish in turn, each place and each mail program equally often."""
    return [
        _email(read, number, random.Random(f"{half} {language} {number}"))
        for language in languages
        for read in [read_parts(language, half)]
        for number in range(per_language)
    ]


def _email(parts: Parts, number: int, rng: random.Random) -> Mail:
    wish = parts.wishes[number % len(parts.wishes)]
    place = PLACES[number % len(PLACES)]
    client = CLIENTS[(number + number // len(parts.wishes)) % len(CLIENTS)]
    stories = rng.sample(parts.stories, 2)
    before = {"first": [], "middle": stories[:1], "last": stories}[place]
    after = stories[len(before) :]
    body = [" ".join(before), wish.text, " ".join(after)]
    if rng.random() < 0.5:  # one paragraph
        body = [" ".join(filter(None, body))]
    written = Written(
        [rng.choice(parts.greetings), *filter(None, body), rng.choice(parts.closings)],
        signature=_sometimes(parts.signatures, 0.6, rng),
        device=_sometimes(parts.devices, 0.4, rng),
        disclaimer=_sometimes(parts.disclaimers, 0.4, rng),
        quoted=_sometimes(parts.quoted, 0.7, rng),
        language=parts.language,
    )
    text = client(written)
    noise = {
        name: getattr(written, name)
        for name in ("quoted", "signature", "device", "disclaimer")
        if getattr(written, name) and flat(getattr(written, name))[:12] in flat(text)
    }
    return Mail(text, wish, place, client.__name__, noise, parts.language)


def flat(text: str) -> str:
    """The letters and figures of a text, so that line breaks, marks and HTML do not matter."""
    return "".join(character for character in text.replace("<br>", "") if character.isalnum()).lower()


def _sometimes(choices: list[str], share: float, rng: random.Random) -> str:
    chosen = rng.choice(choices)
    return chosen if rng.random() < share else ""
