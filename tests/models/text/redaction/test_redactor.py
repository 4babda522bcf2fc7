"""Personal data is replaced by typed placeholders, which can be put back."""

import pytest
from triage_models.text.redaction.redactor import PERSONAL_DATA, PersonalData, Redactor

CARD, OTHER_CARD, IBAN = "4111 1111 1111 1111", "5500-0000-0000-0004", "DE89 3704 0044 0532 0130 00"


def redact(text: str, *kinds: PersonalData, region: str = "US") -> str:
    return Redactor(kinds or PERSONAL_DATA, region).redact(text).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"my card {CARD} was charged", "my card [CARD_1] was charged"),
        ("card 378282246310005.", "card [CARD_1]."),
        (f"refund to {IBAN} please", "refund to [IBAN_1] please"),
        ("iban: gb82west12345698765432", "iban: [IBAN_1]"),
        ("FR14 2004 1010 0505 0001 3M02 606 et merci", "[IBAN_1] et merci"),
        ("mail me: Anna.Smith+shop@mail.example.co.uk, ok?", "mail me: [EMAIL_1], ok?"),
        ("anna (at) example (dot) com", "[EMAIL_1]"),
        ("call +44 7911 123456 or 0171 555 0123", "call [PHONE_1] or [PHONE_2]"),
        ("send it to 14 Maple Street, Leeds LS1 4AB.", "send it to [ADDRESS_1]."),
        ("I live in SW1A 1AA", "I live in [ADDRESS_1]"),
        ("my name is james baker and i", "my name is [NAME_1] and i"),
        ("Danke\nJürgen von Arnim", "Danke\n[NAME_1]"),
    ],
)
def test_a_value_is_replaced_by_its_type(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112 is late",  # fails the Luhn check
        "DE88 3704 0044 0532 0130 00",  # fails the check digits
        "order 5106188, placed 2024-03-12 at 12:30, 24.99 EUR",
        "the lamp 4006381333931",  # a barcode
        "parcel RR123456785DE or 1Z999AA10123456784",
        "order number 88-40127 and ORD-2024-0830",
        "5 days in a row, 40 square metres, 2 in its place",
        "best sunscreen for oily skin",
        "I'm looking for a THIS IS NOT A NAME jacket, size 12",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert redact(text) == text


def test_the_same_value_gets_the_same_placeholder_however_it_is_written() -> None:
    text = f"{CARD} and {CARD.replace(' ', '-')} and {OTHER_CARD}; A@example.com, a@example.com"
    assert redact(text) == "[CARD_1] and [CARD_1] and [CARD_2]; [EMAIL_1], [EMAIL_1]"


def test_a_name_is_replaced_wherever_it_is_repeated() -> None:
    assert redact("I am Olivia. The label says Olivia, not Oliviana") == (
        "I am [NAME_1]. The label says [NAME_1], not Oliviana"
    )


def test_a_placeholder_that_a_customer_typed_is_not_confused_with_ours() -> None:
    redacted = Redactor().redact("what is [EMAIL_1]? I am a@example.com")
    assert redacted.text == "what is [EMAIL_1]? I am [EMAIL_2]"


def test_only_the_chosen_types_are_replaced() -> None:
    text = f"{CARD} a@example.com"
    assert redact(text, "email") == f"{CARD} [EMAIL_1]"
    assert redact(text, "card") == "[CARD_1] a@example.com"


def test_positions_move_with_the_text() -> None:
    text = "a@example.com bought order 123 by 4111111111111111 on Monday"
    redacted = Redactor().redact(text)
    for word in ("bought", "order 123", "Monday"):
        start = text.index(word)
        moved = redacted.moved(start, start + len(word))
        assert moved is not None
        assert redacted.text[slice(*moved)] == word
    assert redacted.moved(0, 13) is None
    assert redacted.moved(5, 8) is None


def test_a_text_without_personal_data_is_unchanged() -> None:
    redacted = Redactor().redact("where is my order")
    assert (redacted.text, redacted.spans) == ("where is my order", ())
