"""The languages that a setting may name are those that are found."""

from triage_models.text.language import LanguageDetector, base_language
from triage_models.text.language_codes import LANGUAGE_CODES
from triage_models.text.language_library import library_model


def test_the_codes_are_those_of_the_library_and_of_the_table() -> None:
    model = library_model()
    assert model is not None
    labels, _ = model.predict("where is my parcel", 1_000, -1.0)
    assert {label.removeprefix("__label__") for label in labels} == LANGUAGE_CODES
    assert set(LanguageDetector.open().languages) <= LANGUAGE_CODES
    assert {base_language(code) for code in LANGUAGE_CODES} == LANGUAGE_CODES
