"""Entities: where they are, and their values in one way of writing."""

from itertools import pairwise
from pathlib import Path

import pytest
from triage_models.errors import DataError
from triage_models.text.entities.catalogue import Catalogue
from triage_models.text.entities.entity import ENTITY_TYPES, Entity
from triage_models.text.entities.extractor import MOST_ENTITIES, EntityExtractor
from triage_models.text.entities.order_numbers import OrderNumbers


def found(text: str, region: str = "US") -> list[tuple[str, str, str]]:
    entities = EntityExtractor(region=region).find(text)
    return [(entity.type, text[entity.start : entity.end], entity.value) for entity in entities]


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("write to Anna@Example.com!", "US", ("email", "Anna@Example.com", "anna@example.com")),
        ("call (202) 555-0178 pls", "US", ("phone", "(202) 555-0178", "+12025550178")),
        ("ruf 0151 23456789 an", "DE", ("phone", "0151 23456789", "+4915123456789")),
        ("number +44 7911 123456", "US", ("phone", "+44 7911 123456", "+447911123456")),
        ("paid £1,024.50 twice", "GB", ("amount", "£1,024.50", "1024.50")),
        ("me cobraron 24,9 euros", "ES", ("amount", "24,9 euros", "24.90")),
        ("R$ 49 no cartão", "BR", ("amount", "R$ 49", "49")),
        ("1.299,00 EUR", "DE", ("amount", "1.299,00 EUR", "1299.00")),
        ("on 03/04/2024 it", "US", ("date", "03/04/2024", "2024-03-04")),
        ("on 03/04/2024 it", "GB", ("date", "03/04/2024", "2024-04-03")),
        ("on 03/14/2024 it", "GB", ("date", "03/14/2024", "2024-03-14")),
        ("am 12.3.24 bestellt", "DE", ("date", "12.3.24", "2024-03-12")),
        ("since 2024-03-12", "GB", ("date", "2024-03-12", "2024-03-12")),
        ("el 12 de marzo de 2024", "ES", ("date", "12 de marzo de 2024", "2024-03-12")),
        ("ordered March 3rd", "US", ("date", "March 3rd", "--03-03")),
        ("am 12. März", "DE", ("date", "12. März", "--03-12")),
        ("flat in LS1 4AB now", "GB", ("postcode", "LS1 4AB", "LS1 4AB")),
        ("10115 Berlin", "DE", ("postcode", "10115", "10115")),
        ("zip: 62704", "US", ("postcode", "62704", "62704")),
        ("Springfield, IL 62704", "US", ("postcode", "62704", "62704")),
        ("where is 1Z999AA10123456784", "US", ("tracking_number", "1Z999AA10123456784", "1Z999AA10123456784")),
        ("rr473124829de", "DE", ("tracking_number", "rr473124829de", "RR473124829DE")),
        (
            "9400 1000 0000 0000 0000 06",
            "US",
            ("tracking_number", "9400 1000 0000 0000 0000 06", "9400100000000000000006"),
        ),
    ],
)
def test_an_entity_has_its_place_and_its_value(text: str, region: str, expected: tuple[str, str, str]) -> None:
    assert found(text, region) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "where is my order",
        "1Z999AA10123456785 and RR473124820DE",  # wrong check digits
        "30/30/2024 or 31 february",
        "order 5106188, size 12, model 4711",
        "i may 2 of them",
    ],
)
def test_what_fails_a_check_is_none(text: str) -> None:
    assert [entity for entity in found(text) if entity[0] != "date" or "may" not in text] == []


def test_carriers_numbers_without_letters_need_the_carriers_name() -> None:
    assert [value for _, _, value in found("fedex 986578788855")] == ["986578788855"]
    assert "tracking_number" not in [kind for kind, _, _ in found("order 986578788855")]


def test_an_amount_has_its_currency() -> None:
    assert EntityExtractor().find("$5") == [Entity("amount", 0, 2, "5", "USD")]


def test_a_shops_pattern_finds_order_numbers() -> None:
    extractor = EntityExtractor(order_numbers=OrderNumbers(r"(?i)\bord-\d{4}-(\d{4})\b"))
    text = "é Bestellung ORD-2024-0830 vom 2024-03-12"
    assert [(one.type, text[one.start : one.end]) for one in extractor.find(text)] == [
        ("order_number", "0830"),
        ("date", "2024-03-12"),
    ]


@pytest.mark.parametrize(
    ("pattern", "error"), [("(", "missing"), (r"(\d)\1", "RE2"), (r"\d*", "empty"), (r"(?=a)a", "RE2")]
)
def test_a_wrong_pattern_is_refused(pattern: str, error: str) -> None:
    with pytest.raises(DataError, match=error):
        OrderNumbers(pattern)


def test_a_catastrophic_pattern_takes_no_longer_than_another() -> None:
    """A backtracking engine would take longer than the universe exists."""
    extractor = EntityExtractor(order_numbers=OrderNumbers(r"(a+)+(a|aa)+$"))
    assert extractor.find("a" * 5_000 + "!") == []


def test_products_are_found_by_the_shops_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("id,price,name\nL-1,5,Lumi Lamp\nL-2,9,Lumi Lamp Pro\nC-1,1,Café-Tasse\n", encoding="utf-8")
    extractor = EntityExtractor(catalogue=Catalogue.read(path))
    text = "the LUMI lamp pro, a lumi-lamp and the café tasse"
    assert [(text[one.start : one.end], one.value) for one in extractor.find(text)] == [
        ("LUMI lamp pro", "L-2"),
        ("lumi-lamp", "L-1"),
        ("café tasse", "C-1"),
    ]


def test_a_catalogue_needs_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("sku,name\n1,a\n", encoding="utf-8")
    with pytest.raises(DataError, match="columns id and name"):
        Catalogue.read(path)
    with pytest.raises(DataError, match="cannot be read"):
        Catalogue.read(tmp_path / "none.csv")


def test_types_that_are_not_chosen_are_not_found() -> None:
    text = "a@example.com paid $5"
    for kind in ("email", "amount"):
        assert [entity.type for entity in EntityExtractor([kind]).find(text)] == [kind]
    assert EntityExtractor([]).find(text) == []


def test_entities_are_in_order_without_overlaps_and_not_without_end() -> None:
    entities = EntityExtractor().find("$1 on 2024-03-12, " * 100)
    assert len(entities) == MOST_ENTITIES
    assert all(one.end <= other.start for one, other in pairwise(entities))
    assert {entity.type for entity in entities} <= set(ENTITY_TYPES)
