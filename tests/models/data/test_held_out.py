"""The held-out messages: nothing trains on them, and their order says nothing about their labels."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import triage_models
from triage_models.data.corpus import Message, read_messages
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.data.labelled import normalize_text
from triage_models.paths import shipped

PACKAGE = Path(triage_models.__file__).parent


@pytest.fixture(scope="module")
def held_out() -> list[Message]:
    return read_messages(CHANNELS_CSV)


def words(text: str) -> str:
    """Return a text in lower case with nothing but its words."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_they_have_all_intents_and_channels_of_the_corpus(held_out: list[Message]) -> None:
    corpus = read_messages()
    labels = {label for message in held_out for label in message.label.split("|")}
    assert len(held_out) == 550
    assert labels == {message.label for message in corpus}
    assert {message.channel for message in held_out} == {message.channel for message in corpus}
    assert {message.register for message in held_out} <= {message.register for message in corpus}
    assert len({normalize_text(message.text) for message in held_out}) == len(held_out)


def test_none_of_them_is_in_the_corpus(held_out: list[Message]) -> None:
    corpus = read_messages()
    for form in (str, normalize_text, words):
        known = {form(message.text) for message in corpus} - {""}
        assert [message.text for message in held_out if form(message.text) in known] == []


def test_their_order_does_not_give_their_labels_away(held_out: list[Message]) -> None:
    repeated = sum(one.label == following.label for one, following in pairwise(held_out))
    assert repeated / len(held_out) < 0.25


def test_only_the_benchmarks_and_the_check_of_the_corpus_read_them() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"data\.held_out|CHANNELS_CSV|held_out\W+channels", path.read_text(encoding="utf-8"))
    }
    rest = {name for name in users if not name.startswith("benchmarks/")}
    assert rest == {"data/held_out.py", "training/corpus_check.py"}


def test_they_are_no_data_that_ships() -> None:
    assert CHANNELS_CSV.parent not in (shipped("corpus"), shipped("bundles"))
    project = (PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert "models/corpus" in project
    assert "models/held_out" not in project
