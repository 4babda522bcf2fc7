"""The e-mails that are made of parts: all are there, and what is read of them."""

from collections import Counter

import pytest
from triage_models.benchmarks.emails.check import found, left
from triage_models.benchmarks.emails.generate import PLACES, emails, flat
from triage_models.benchmarks.emails.parts import LANGUAGES, Half

pytest.importorskip("selectolax")


def test_there_are_200_with_each_place_and_both_forms() -> None:
    mails = [*emails("rules"), *emails("held")]
    assert len({mail.text for mail in mails}) == 200
    assert set(Counter(mail.language for mail in mails).values()) == {40}
    assert {mail.language for mail in mails} == set(LANGUAGES)
    places = Counter(mail.place for mail in mails)
    assert min(places[place] for place in PLACES) >= 60
    assert min(Counter("html" in mail.client for mail in mails).values()) >= 80
    assert emails("rules") == emails("rules")


def test_no_part_is_in_both_halves() -> None:
    rules = {flat(mail.wish.text) for mail in emails("rules", 27)}
    assert rules.isdisjoint(flat(mail.wish.text) for mail in emails("held", 27))


@pytest.mark.parametrize("half", ["rules", "held"])
def test_every_wish_is_read_and_nearly_nothing_else(half: Half) -> None:
    mails = emails(half)
    assert [mail.text for mail in mails if not found(mail)] == []
    assert sum(len(left(mail)) for mail in mails) <= 2
    assert not any("quoted" in left(mail) for mail in mails)
