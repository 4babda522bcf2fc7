"""IBANs, e-mail addresses and phone numbers are found in the many ways in which people write them."""

import pytest
from triage_models.text.email_addresses import plain_address
from triage_models.text.entities.extractor import EntityExtractor
from triage_models.text.redaction.redactor import Redactor

IBANS = ("DE89 3704 0044 0532 0130 00", "ES91 2100 0418 4502 0005 1332", "GB82 WEST 1234 5698 7654 32")


def redact(text: str, region: str = "US") -> str:
    return Redactor(region=region).redact(text).text


@pytest.mark.parametrize("iban", [*IBANS, "NO93 8601 1117 947", "MT84 MALT 0110 0001 2345 MTLC AST0 01S"])
@pytest.mark.parametrize("separator", ["", " ", "\u00a0", "–", "-", "/", "\n", ".", "_", " - ", "\u200b"])
def test_an_iban_is_found_whatever_separates_its_groups(iban: str, separator: str) -> None:
    assert redact(f"to {iban.replace(' ', separator)}, ok") == "to [IBAN_1], ok"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IBANDE89370400440532013000", "IBAN[IBAN_1]"),
        ("ES9121000418450200051332y mi telefono", "[IBAN_1]y mi telefono"),
        ("iban: de89370400440532013000 danke", "iban: [IBAN_1] danke"),
        ("DE89370400440532013000 4242424242424242", "[IBAN_1] [CARD_1]"),
    ],
)
def test_an_iban_may_be_glued_to_words(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text", ["DE88370400440532013000", "es 24 horas para que llegue el pedido de mi hija", "XX8937040044053201300"]
)
def test_what_fails_the_check_of_an_iban_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ana arroba example punto com", "ana@example.com"),
        ("ana.silva arroba gmail.com", "ana.silva@gmail.com"),
        ("ana punto silva arroba correo punto example punto es", "ana.silva@correo.example.es"),
        ("ana chiocciola example punto it", "ana@example.it"),
        ("ana arobase example point fr", "ana@example.fr"),
        ("ana ät example punkt de", "ana@example.de"),
        ("ana Klammeraffe example Punkt de", "ana@example.de"),
        ("ana małpa example kropka pl", "ana@example.pl"),
        ("ana AT example DOT com", "ana@example.com"),
        ("ana dot silva at gmail dot com", "ana.silva@gmail.com"),
        ("ana @ example . com", "ana@example.com"),
        ("ana @example.com", "ana@example.com"),
        ("ana＠example.com", "ana@example.com"),
        ("ａｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ana@example.com"),
        ("ana%40example.com", "ana@example.com"),
        ("ana [at] example [dot] com", "ana@example.com"),
        ("ana(arroba)example.com", "ana@example.com"),
        ("Ana\u200b@example.com", "ana@example.com"),
    ],
)
def test_an_address_may_be_written_out(written: str, plain: str) -> None:
    assert redact(f"mail: {written}, thx") == "mail: [EMAIL_1], thx"
    (entity,) = [one for one in EntityExtractor().find(f"mail: {written}, thx") if one.type == "email"]
    assert entity.value == plain
    assert f"mail: {written}, thx"[entity.start : entity.end] == written


def test_an_address_has_one_placeholder_however_it_is_written() -> None:
    assert (
        redact("ana@example.com, ana (at) example (dot) com, ANA arroba example punto com")
        == "[EMAIL_1], [EMAIL_1], [EMAIL_1]"
    )
    assert plain_address("Ana.at.home@example.com") == "ana.at.home@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "look at example.com",
        "i ordered at amazon dot com",
        "follow @nike.official now",
        "at this point i want it back",
        "an iphone 8 and at this point it's personal",
        "meet at the shop. thanks",
        "2 arrobas de café. gracias",
        "discount 40% and 5 @ 3.50",
    ],
)
def test_other_words_are_no_address(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 212_555_2368", "call [PHONE_1]"),
        ("212_555_2368", "[PHONE_1]"),
        ("call 212\n555\n2368", "call [PHONE_1]"),
        ("212\n555\n2368 ok", "[PHONE_1] ok"),
        ("212, 555, 2368", "[PHONE_1]"),
        ("num2125552368ok", "num[PHONE_1]ok"),
        ("call 2125552368ok", "call [PHONE_1]ok"),
        ("212\u00a0555\u20112368", "[PHONE_1]"),
        ("２１２ ５５５ ２３６８", "[PHONE_1]"),
        ("tel +٤٤ ٧٩١١ ١٢٣٤٥٦", "tel [PHONE_1]"),
        ("+34\n612\n345\n678", "[PHONE_1]"),
    ],
)
def test_a_phone_number_may_be_spread_or_glued(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Bestellung 2026-11-30-0815",
        "commande 20261130 1245",
        "sizes 300, 400, 5000 and 12, 14, 16, 18",
        "2026/11/30 0815 and 2026.11.30-12",
        "sku2125552368x",
        "90000_33434",
    ],
)
def test_dates_with_numbers_and_lists_are_no_phone_number(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text", ["i am Furious", "I'm Disappointed!", "Ich bin Wütend", "je suis Déçue", "estoy Harta, soy Feliz"]
)
def test_feelings_are_no_names(text: str) -> None:
    assert redact(text) == text
    assert redact("i am Olivia") == "i am [NAME_1]"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["a arroba ", "a.b@", "x dot y at z dot ", "ana @ ", "2125552368a", "2, 1\n", "ES91 "])
def test_a_long_text_takes_linear_time(unit: str) -> None:
    """A quadratic rule takes minutes for it."""
    Redactor(["iban", "email", "phone"]).find(unit * (300_000 // len(unit)))
