"""Card numbers are found whatever is next to them and between their digits, with the expiry and code behind them."""

import pytest
from triage_models.text.redaction.redactor import Redactor

NUMBER = "4242424242424242"
GROUPS = ("4242", "4242", "4242", "4242")


def redact(text: str) -> str:
    return Redactor(["card", "phone"], "US").redact(text).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{NUMBER} 0927", "[CARD_1] [CODE_1]"),
        ("4242 4242 4242 4242 09 27", "[CARD_1] [CODE_1]"),
        ("4242-4242-4242-4242 123", "[CARD_1] [CODE_1]"),
        ("card number 4242 4242 4242 4242 09/27 123", "card number [CARD_1] [CODE_1]"),
        ("4242 4242 4242 4242, exp 09/2027, security code 123 ok", "[CARD_1], exp [CODE_1] ok"),
        ("4242 4242 4242 4242 gültig bis 9/27 und cvv ist 123!", "[CARD_1] gültig bis [CODE_1]!"),
        ("0927 5555 5555 5555 4444", "0927 [CARD_1]"),
        ("order 1234 4242 4242 4242 4242", "order 1234 [CARD_1]"),
        ("4242 4242 4242 4242 cvv 123 5555555555554444", "[CARD_1] cvv [CODE_1] [CARD_2]"),
        ("5555 5555 5555 4444 3714 496353 98431", "[CARD_1] [CARD_2]"),
        (f"visa{NUMBER}", "visa[CARD_1]"),
        ("cardno4111111111111111exp0927", "cardno[CARD_1]exp[CODE_1]"),
        ("378282246310005cvc 1234", "[CARD_1]cvc [CODE_1]"),
        (f"{NUMBER}0927123", "[CARD_1]"),
        ("4242 4242 4242 42420927 x", "[CARD_1] x"),
        ("3714 496353 984310927123", "[CARD_1]"),
        ("4242 4242 4242 424209/27 ok", "[CARD_1] ok"),
        (f"{NUMBER}09/27", "[CARD_1]"),
        (f"{NUMBER} 123 09/27", "[CARD_1] [CODE_1]"),
        (f"{NUMBER}/09/27/123", "[CARD_1]/[CODE_1]"),
        (f"{NUMBER} exp. date 09.27, cvv2 = 123", "[CARD_1] exp. date [CODE_1]"),
        (f"{NUMBER} my cvv is 123", "[CARD_1] my cvv is [CODE_1]"),
        (
            f"{NUMBER} valable jusqu'au 09/27, cryptogramme 123",
            "[CARD_1] valable jusqu'au [CODE_1], cryptogramme [CODE_2]",
        ),
        (f"{NUMBER} name X exp 09/27 cvv 123", "[CARD_1] name X exp [CODE_1] cvv [CODE_2]"),
        (f"{NUMBER} das Ablaufdatum ist 09/27", "[CARD_1] das Ablaufdatum ist [CODE_1]"),
        (f"{NUMBER} was charged 150 times in 2024", "[CARD_1] was charged 150 times in 2024"),
        ("42 42 42 42 42 42 42 42 0927", "[CARD_1] [CODE_1]"),
        ("4242 4242 4242 4242 212 555 2368", "[CARD_1] [PHONE_1]"),
        ("4000000000000000006 now", "[CARD_1] now"),
    ],
)
def test_digits_next_to_a_card_do_not_hide_it(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "separator",
    [
        *" -./_:*+|\n\t",
        "\r\n\r\n",
        "; ",
        "…",
        " / ",
        "  ",
        " - ",
        ", ",
        "\r\n",
        "\u00a0",
        "\u202f",
        "\u2009",
        "–",
        "—",
        "\u2011",
        "\u2212",
        "\u200b",
        "\u00ad",
    ],
)
@pytest.mark.parametrize("before", ["", "order 1234 "])
def test_any_separator_may_be_between_the_groups(separator: str, before: str) -> None:
    assert redact(f"{before}{separator.join(GROUPS)} x") == f"{before}[CARD_1] x"


@pytest.mark.parametrize("zero", ["٠", "۰", "०", "০", "０", "𝟎"])
def test_digits_may_be_of_any_script(zero: str) -> None:
    written = "".join(chr(ord(zero) + int(digit)) for digit in "5555555555554444")
    assert redact(f"بطاقة {written} رقم") == "بطاقة [CARD_1] رقم"
    assert redact(f"{written} 5555 5555 5555 4444 {NUMBER}") == "[CARD_1] [CARD_1] [CARD_2]"


def test_keycaps_are_digits() -> None:
    assert redact("".join(f"{digit}\ufe0f\u20e3" for digit in NUMBER) + "!").startswith("[CARD_1]")


@pytest.mark.parametrize(
    "text",
    [
        "order 4242 4242 4242 4243 0927",  # fails the check
        "order 302-1234567-1234567 and 403-1234567-1234567",
        "4242424242424242424242424242",  # too long for a card
        "sizes 36, 38, 40, 42, 44, 46, 48, 50",
        "orders 51061883, 47110028, 60118812, 40127735",
        "in 2021, 2022, 2023, 2024 and 2025",
        "9400 1000 0000 0000 0000 06",
        "the lamp 4006381333931",
        "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert Redactor(["card"]).redact(text).text == text


def test_few_order_numbers_pass_for_a_card() -> None:
    numbers = [40_000_000 + 7_919 * place for place in range(1_000)]
    text = "\n".join(f"order {number} {number + 3}, {number % 977}" for number in numbers)
    assert len(Redactor(["card"]).find(text)) < 0.12 * len(numbers)


def test_a_code_is_not_an_amount_or_a_date() -> None:
    assert redact("4242 4242 4242 4242 150 euros") == "[CARD_1] 150 euros"
    assert redact("4242 4242 4242 4242, 12/05/2024") == "[CARD_1], 12/05/2024"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("4111 1111 1111 1112 ", 1_000_000),
        ("4,", 1_000_000),
        *(
            (unit, 300_000)
            for unit in ("1", "212, 555, 2368, ", "4242 4242 4242 4242 09 27 ", "DE89 3704 0044 0532 01 ")
        ),
    ],
)
def test_a_long_text_takes_linear_time(unit: str, size: int) -> None:
    """A quadratic rule takes minutes for it."""
    Redactor(["card", "iban", "email"]).find(unit * (size // len(unit)))
