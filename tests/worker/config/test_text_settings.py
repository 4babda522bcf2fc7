"""Which personal data is replaced, and where."""

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
        ("phone_region", "UK", "'UK' should be a country of two letters, such as GB"),
    ],
)
def test_a_wrong_value_is_refused_at_the_start(setting: str, value: str, error: str) -> None:
    with pytest.raises(ConfigError, match="is not valid") as caught:
        Settings.load(**{setting: value})
    assert error in str(caught.value)


def test_the_region_may_be_in_small_letters() -> None:
    assert Settings(phone_region="gb").phone_region == "GB"
