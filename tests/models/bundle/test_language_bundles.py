"""Bundles that serve together have the same labels, and are told apart."""

from pathlib import Path

import pytest
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.language_bundles import check_together, expected_languages
from triage_models.errors import BundleError

from tests.models.samples import manifest


def bundle(path: str, *labels: str, version: str = "1", name: str = "shop") -> Bundle:
    return Bundle(Path(path), manifest(labels).model_copy(update={"version": version, "name": name}))


def test_the_same_labels_go_together_in_any_order() -> None:
    check_together([bundle("a", "A", "B"), bundle("b", "B", "A", version="2"), bundle("c", "A", "B", name="other")])
    check_together([bundle("a", "A", "B")])


def test_other_labels_do_not() -> None:
    with pytest.raises(BundleError, match=r"the same labels: only a has B, and only b has C, D, E and 1 more\.$"):
        check_together([bundle("a", "A", "B"), bundle("b", "A", "C", "D", "E", "F", version="2")])
    with pytest.raises(BundleError, match=r"the same labels: only b has C\.$"):
        check_together([bundle("a", "A", "B"), bundle("b", "A", "B", "C", version="2")])


def test_events_must_tell_two_bundles_apart() -> None:
    with pytest.raises(BundleError, match="a and c differ, and both are shop 1"):
        check_together([bundle("a", "A", "B"), bundle("b", "A", "B", version="2"), bundle("c", "B", "A")])
    check_together([bundle("a", "A", "B"), bundle("copy", "A", "B")])


def test_languages_are_expected_where_the_default_names_its_own() -> None:
    assert expected_languages(["en"], ["es", "fr"]) == {"en", "es", "fr"}
    assert expected_languages(["en"], None) == frozenset()
