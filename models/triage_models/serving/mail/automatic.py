"""Recognises messages that no person wrote: replies about an absence, and reports on a delivery of mail.

A customer may be out of office, too ("I was out of office when the courier came"), or quote an automatic reply. So one
phrase is never enough, unless it is the subject that such a reply has. What only a customer would say
weighs against it.
"""

from triage_models.serving.mail.absence_phrases import (
    ABSENCES,
    DELIVERY_REPORTS,
    DELIVERY_SUBJECTS,
    EVIDENCE,
    OFFICE_SUBJECTS,
    SUBJECT_PREFIXES,
    SUBJECTS,
)
from triage_models.serving.mail.marks import INVISIBLE, plain
from triage_models.serving.mail.personal_phrases import OF_ABSENCES, OF_ABSENCES_WHOLE, OWN, OWN_POINTS, PERSONAL

BEGINNING = 2_000
"""Characters in which the evidence is looked for."""

SHORTEST = 60
"""Characters. A shorter message of one line is recognised by its subject only."""

ENOUGH = 4
"""Points of evidence that make a message an automatic reply."""

_SIGNS = ".,:;!?()\"'،؛؟।"

_STARTS = frozenset(start[:3] for start in (*SUBJECTS, *OFFICE_SUBJECTS, *SUBJECT_PREFIXES))
_REPORT_STARTS = frozenset(start[:3] for start in DELIVERY_SUBJECTS)
_WORDS = frozenset(max(phrase.split(), key=len).strip(_SIGNS) for phrase in ABSENCES)
"""One word of each phrase: most messages have none of them, and need not be searched for the phrases."""


def is_automatic(text: str) -> bool:
    """Whether a message is an automatic reply or a report on the delivery of mail."""
    head = text[:BEGINNING].lstrip().lstrip(INVISIBLE)
    start = head[:4].lstrip("[").lower()[:3]
    if start in _STARTS and _is_subject(plain(head[:SHORTEST].splitlines()[0])):
        return True
    if len(head) < SHORTEST and "\n" not in head:
        return False
    body = plain(head)
    if start in _REPORT_STARTS and body.startswith(DELIVERY_SUBJECTS):
        return _any(DELIVERY_REPORTS, body)
    if _WORDS.isdisjoint(word.strip(_SIGNS) for word in body.split()):
        return False
    return _any(ABSENCES, body) and points(body) >= ENOUGH


def points(body: str) -> int:
    """Return how much speaks for an automatic reply, given its words as `plain` returns them."""
    found = sum(weight for weight, phrases in EVIDENCE if _any(phrases, body))
    personal = sum(weight for weight, phrases in PERSONAL if _any(phrases, body))
    return found - personal - OWN_POINTS * _names_own(body)


def _names_own(body: str) -> bool:
    """Whether a message names something of its writer's own that an automatic reply does not: "my returned coat"."""
    words = [word.strip(_SIGNS) for word in body.split()]
    return any(
        word in OWN and not any(map(_is_of_absences, words[position + 1 : position + 3]))
        for position, word in enumerate(words[:-1])
    )


def _is_of_absences(word: str) -> bool:
    return word in OF_ABSENCES_WHOLE or word.startswith(OF_ABSENCES)


def _is_subject(line: str) -> bool:
    """Whether a line is the subject of an automatic reply: "Automatic reply: your order"."""
    line = line.removeprefix("[")
    for prefix in SUBJECT_PREFIXES:
        line = line.removeprefix(prefix)
    if any(line.startswith(subject) and _ends(line[len(subject) :]) for subject in SUBJECTS):
        return True
    return any(line.startswith(subject) and line[len(subject) :][:1] in ("", ":") for subject in OFFICE_SUBJECTS)


def _ends(rest: str) -> bool:
    """Whether a subject ends where this follows it."""
    return rest[:1] in ("", ":", "]", ")") or rest.startswith((" -", " –", " ("))


def _any(phrases: tuple[str, ...], text: str) -> bool:
    return any(phrase in text for phrase in phrases)
