"""Amounts, dates, postcodes and phone numbers in the ways in which people write them, and what only looks like one."""

import pytest
from triage_models.text.entities.extractor import EntityExtractor


def found(text: str, region: str = "US") -> list[tuple[str, str]]:
    return [(entity.type, entity.value) for entity in EntityExtractor(region=region).find(text)]


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("iphone 15 £ 700", "700", "GBP"),
        ("iphone 15 $ 700 now", "700", "USD"),
        ("paid 20 $ 3 times", "20", "USD"),
        ("12 €50", "50", "EUR"),
        ("100 € 3 mal", "100", "EUR"),
        ("£5\u200b0", "50", "GBP"),
        ("$ 12 . 50", "12.50", "USD"),
        ("₹1,00,000", "100000", "INR"),
        ("Rs. 2,50,000.00", "250000.00", "INR"),
        ("₹12,34,56,789", "123456789", "INR"),
        ("49,- €", "49", "EUR"),
        ("€ 49,-", "49", "EUR"),
        ("49.-- CHF", "49", "CHF"),
        ("49,– €", "49", "EUR"),
        ("$-5", "-5", "USD"),
        ("$−5.20", "-5.20", "USD"),
        ("€ -5", "-5", "EUR"),
        ("AU$35", "35", "AUD"),
        ("C$ 35", "35", "CAD"),
        ("HK$1,200", "1200", "HKD"),
        ("500 ريال", "500", "SAR"),
        ("١٬٢٣٤٫٥٠ درهم", "1234.50", "AED"),
        ("१२३४ रुपये", "1234", "INR"),
        ("रु. 500", "500", "INR"),
        ("1\u202f299,00\u00a0€", "1299.00", "EUR"),
        ("1'299.50 CHF", "1299.50", "CHF"),
        ("＄１２．５０", "12.50", "USD"),
    ],
)
def test_an_amount_in_many_forms(text: str, value: str, currency: str) -> None:
    (amount,) = EntityExtractor(["amount"]).find(f"so {text}, ok")
    assert (amount.value, amount.currency) == (value, currency)
    assert f"so {text}, ok"[amount.start : amount.end] in text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3-Mar-26", "2026-03-03"),
        ("03/dez/2026", "2026-12-03"),
        ("3.Mai.2026", "2026-05-03"),
        ("3 मई", "--05-03"),
        ("3 जनवरी को", "--01-03"),
        ("٣ مايو ٢٠٢٦", "2026-05-03"),
        ("15 أكتوبر", "--10-15"),
        ("ordered on dec 24 shoes and a hat", "--12-24"),
        ("march 4 this broke", "--03-04"),
        ("3 mayo gracias", "--05-03"),
        ("dec 24, 3 boxes", "--12-24"),
        ("march 4th sneakers", "--03-04"),
    ],
)
def test_a_date_in_many_forms(text: str, value: str) -> None:
    assert found(text) == [("date", value)]


@pytest.mark.parametrize(
    "text", ["march 4 abreast", "i need 5 mar tiles", "in dec 24 boxes", "i may 2 of them", "in june 12 orders"]
)
def test_a_number_of_things_is_no_day(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("order 1234 IN transit", "US"),
        ("1234 OK then", "US"),
        ("2026 IS over", "US"),
        ("1000 AT once", "NL"),
        ("order 1234 AB", "NL"),
        ("2000 ML, 1500 KG", "GB"),
        ("Artikel 80331 Stück", "DE"),
        ("Artikelnummer 80331 Rot", "DE"),
        ("10115 Stück", "DE"),
        ("Bestellung 1010 Wien", "AT"),
    ],
)
def test_a_number_with_a_word_is_no_postcode(text: str, region: str) -> None:
    assert found(text, region) == []


@pytest.mark.parametrize(
    ("text", "region", "value"),
    [
        ("1012 AT Amsterdam", "US", "1012 AT"),
        ("1012 AB in Amsterdam", "US", "1012 AB"),
        ("woon op 1012 AT.", "NL", "1012 AT"),
        ("80331 München", "DE", "80331"),
    ],
)
def test_a_postcode_may_have_the_letters_of_a_word(text: str, region: str, value: str) -> None:
    assert found(text, region) == [("postcode", value)]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("order 2125552368", "US"),
        ("order number is 2125552368", "US"),
        ("pedido 612345678", "ES"),
        ("pedido nº 612345678", "ES"),
        ("Bestellnr 0891234567", "DE"),
        ("Bestellnummer: 0891234567", "DE"),
        ("commande n° 0612345678", "FR"),
        ("ordine 3331234567", "IT"),
        ("invoice #2125552368", "US"),
    ],
)
def test_an_order_number_is_no_phone_number(text: str, region: str) -> None:
    assert found(text, region) == []


@pytest.mark.parametrize("text", ["Order RS-114", "parcel TL-6671", "Euro-6-Motor", "a Rp-12 part"])
def test_a_code_is_no_amount_below_zero(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["about my order call 2125552368", "order: +1 212 555 2368", "2125552368 is my order"])
def test_a_phone_number_near_an_order_is_one(text: str) -> None:
    assert found(text) == [("phone", "+12125552368")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("4111 1111 1111 1112 ", 3_000_000),
        *(
            (unit, 300_000)
            for unit in ("DE89 3704 0044 0532 0130 01 ", "1,", "1.", "march 4 ", "1234 IN ", "5 £ ", "$ 1 . ")
        ),
    ],
)
def test_a_long_text_takes_linear_time(unit: str, size: int) -> None:
    """A quadratic rule takes minutes for it."""
    EntityExtractor(region="DE").find(unit * (size // len(unit)))
