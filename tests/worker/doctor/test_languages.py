"""Which bundle fits the languages of messages."""

from collections import Counter
from pathlib import Path

import pytest
from triage_worker.config.settings import Settings
from triage_worker.doctor.languages import bundle_paths, fit, own_languages, shipped_languages

ENGLISH, MANY = Path("english"), Path("many")
SHIPPED = {ENGLISH: ("en", "hi"), MANY: ("en", "es", "hi")}
OWN = frozenset({"en", "hi"})


def test_a_bundle_that_reads_more_languages_is_named() -> None:
    found = fit(Counter({"en": 80, "es": 15, "sv": 3, None: 2}), OWN, SHIPPED)
    assert (found.refused, found.better, found.left) == (18, MANY, ["sv"])


@pytest.mark.parametrize(
    ("languages", "own"),
    [
        ({"en": 95, None: 5}, OWN),
        ({"en": 98, "es": 2}, OWN),
        ({"sv": 90}, OWN),
        ({"es": 1}, OWN),
        ({"es": 50}, None),
        ({}, OWN),
    ],
)
def test_few_messages_in_other_languages_and_none_that_it_reads_name_no_bundle(
    languages: dict[str | None, int], own: frozenset[str] | None
) -> None:
    assert fit(Counter(languages), own, SHIPPED).better is None


def test_the_shipped_bundles_say_their_languages() -> None:
    assert own_languages(Settings()) == OWN
    shipped = shipped_languages()
    assert ("en", "hi") in [tuple(sorted(languages)) for languages in shipped.values()]


def test_a_folder_below_the_working_folder_is_written_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(bundle_paths(tmp_path / "bundles" / "shop")) == "bundles/shop"
    assert str(bundle_paths(Path("/elsewhere/shop"))) == "/elsewhere/shop"
