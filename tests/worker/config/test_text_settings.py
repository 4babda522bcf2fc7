"""Which personal data is replaced, and where."""

from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

TEXT = "I am Ana, a@example.com"


def test_by_default_all_types_are_replaced_for_the_llm_and_nowhere_else() -> None:
    settings = Settings()
    assert settings.redaction("llm")(TEXT).text == "I am [NAME_1], [EMAIL_1]"
    assert settings.redaction("review")(TEXT).text == TEXT
    assert settings.redaction("labels")(TEXT).text == TEXT


def test_types_and_places_can_be_chosen() -> None:
    settings = Settings(redact=" Email , card,", redact_in="labels,llm")
    assert settings.redact == "card,email"
    assert settings.redact_in == "llm,labels"
    assert settings.redaction("labels")(TEXT).text == "I am Ana, [EMAIL_1]"
    assert settings.redaction("review")(TEXT).text == TEXT
    assert Settings(redact="none").redaction("llm")(TEXT).text == TEXT
    assert Settings(redact_in="none").redaction("llm")(TEXT).text == TEXT


@pytest.mark.parametrize(
    ("setting", "value", "error"),
    [
        ("redact", "email,passport", "'passport' should be none, or some of card, iban"),
        ("redact", "none,email", "'none,email' should be none, or some of"),
        ("redact", ",", "',' should be none, or some of"),
        ("redact_in", "helpdesk", "'helpdesk' should be none, or some of llm, review, labels"),
        ("order_pattern", "(", "the pattern is not one that RE2 takes"),
        ("order_pattern", r"\d*", "the pattern matches an empty text"),
        ("entities", "size", "'size' should be none, or some of order_number"),
        ("region", "UK", "'UK' should be a country of two letters, such as GB"),
    ],
)
def test_a_wrong_value_is_refused_at_the_start(setting: str, value: str, error: str) -> None:
    with pytest.raises(ConfigError, match="is not valid") as caught:
        Settings.load(**{setting: value})
    assert error in str(caught.value)


def test_the_region_may_be_in_small_letters() -> None:
    assert Settings(region="gb").region == "GB"


def test_entities_are_found_unless_they_are_off(tmp_path: Path) -> None:
    assert Settings(entities="none").entity_extractor() is None
    path = tmp_path / "products.csv"
    path.write_text("id,name\nL-1,Lumi Lamp\n", encoding="utf-8")
    extractor = Settings(order_pattern=r"ORD-\d+", catalogue=path).entity_extractor()
    assert extractor is not None
    assert [one.value for one in extractor.find("ORD-17 has no lumi lamp")] == ["ORD-17", "L-1"]


def test_a_catalogue_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TRIAGE_CATALOGUE is not valid"):
        Settings(catalogue=tmp_path / "none.csv").entity_extractor()
