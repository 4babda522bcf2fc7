"""Tests of `triage_models.serving.parts`: how a text is cut into sentences and clauses."""

import pytest
from triage_models.serving.parts import MAX_PARTS, Part, cues_of, parts_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("came broken, and where is the other parcel", ["came broken", "and where is the other parcel"]),
        ("Llegó rota. ¿Dónde está el otro paquete?", ["Llegó rota", "¿Dónde está el otro paquete"]),
        ("cancel it please", ["cancel it please"]),
        ("thanks, where is it", ["thanks where is it"]),
        ("ऑर्डर कब आएगा। पैसे वापस करो", ["ऑर्डर कब आएगा", "पैसे वापस करो"]),
        ("", []),
    ],
)
def test_parts(text: str, expected: list[str]) -> None:
    assert [part.text for part in parts_of(text)] == expected


def test_a_part_knows_whether_a_sentence_ends_before_it() -> None:
    found = parts_of("It is late, I am sad. Cancel it please\nand send the bill")
    assert found == [
        Part("It is late", False),
        Part("I am sad", False),
        Part("Cancel it please", True),
        Part("and send the bill", True),
    ]


def test_a_text_has_a_limited_number_of_parts() -> None:
    found = parts_of(", ".join(["where is it"] * 40))
    assert len(found) == MAX_PARTS
    assert found[-1].text.count("where") == 40 - MAX_PARTS + 1


def test_cues() -> None:
    assert cues_of("Where is it? Also, where is the other one and why?") == (1.0, 1.0, 1.0, 1.0, 1.0)
    assert cues_of("where is my parcel") == (0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "filler", [" ", "\t", "\n", " \n", "\u00a0", "- ", " ;", "(", ")", ".", ", ", "and ", "y e et ", "x"]
)
def test_a_text_of_one_megabyte_is_cut_in_no_time(filler: str) -> None:
    text = f"where is my order please{filler * (1_000_000 // len(filler))}cancel the other one"
    assert len(parts_of(text)) <= MAX_PARTS
    cues_of(text)


def test_more_space_cuts_no_other_parts() -> None:
    text = "came broken ,  and \u00a0 where is the other parcel \n\n \n thank you all"
    assert parts_of(text) == parts_of("came broken , and where is the other parcel\nthank you all")
