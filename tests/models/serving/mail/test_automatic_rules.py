"""By what automatic replies are recognised, one rule at a time."""

import pytest
from triage_models.serving.mail.absence_phrases import (
    ABSENCES,
    DELIVERY_SUBJECTS,
    OFFICE_SUBJECTS,
    SUBJECT_PREFIXES,
    SUBJECTS,
)
from triage_models.serving.mail.automatic import SHORTEST, is_automatic

MORE = "My colleague will reply, and your message is read then; the usual hours are not kept these days."


@pytest.mark.parametrize("phrase", ABSENCES)
def test_each_phrase_of_absence_is_recognised_with_more_evidence(phrase: str) -> None:
    assert is_automatic(f"Hello, {phrase}, so we say. {MORE} Not be checking. Until then.")


def test_evidence_without_a_phrase_of_absence_is_none() -> None:
    assert not is_automatic(f"Hello. {MORE} Not be checking. Until then.")


def test_a_phrase_of_absence_without_more_evidence_is_none() -> None:
    assert not is_automatic("Somebody in the family is on vacation, and that is how it came to be here at all.")


def test_four_points_are_enough_and_three_are_not() -> None:
    text = "{} in the mountains, and this is an automatic kind of thing, as it happens to be."
    assert is_automatic(text.format("We are on vacation"))
    assert not is_automatic(text.format("We are on the road"))


def test_words_of_a_report_are_none_in_another_text() -> None:
    assert not is_automatic(
        "This is my new e-mail address, where I can be reached from now on, and here is the old one."
    )


def test_a_short_message_of_one_line_is_recognised_by_its_subject_only() -> None:
    text = "I am out of the office until Monday, contact the others."
    assert len(text) < SHORTEST
    assert not is_automatic(text)
    assert is_automatic(text.replace(", ", ",\n"))
    assert not is_automatic(text.ljust(SHORTEST - 1, "."))
    assert is_automatic(text.ljust(SHORTEST, "."))


@pytest.mark.parametrize("prefix", ["", "[", "[Re: ", *(prefix.title() for prefix in SUBJECT_PREFIXES)])
def test_each_subject_is_recognised_after_each_prefix(prefix: str) -> None:
    missed = [subject for subject in (*SUBJECTS, *OFFICE_SUBJECTS) if not is_automatic(f"{prefix}{subject.upper()}")]
    assert missed == []


@pytest.mark.parametrize(
    ("rest", "ends"),
    [
        *(
            (": x", True),
            ("] x", True),
            (") x", True),
            ("", True),
            (":", True),
            ("]", True),
            (")", True),
            (" - x", True),
            (" – x", True),
            (" (x", True),
        ),
        *((" x", False), ("x", False), ("s", False), ("-x", False), (".", False)),
    ],
)
def test_a_subject_ends_with_the_line_or_a_sign(rest: str, ends: bool) -> None:
    assert is_automatic(f"Automatic reply{rest}") is ends


def test_a_subject_that_could_begin_a_sentence_ends_with_the_line_or_a_colon() -> None:
    assert [is_automatic(f"Out of office{rest}") for rest in ("", ":", ": x", " - x", "]", " chairs")] == [
        *(True, True, True),
        *(False, False, False),
    ]


@pytest.mark.parametrize("subject", DELIVERY_SUBJECTS)
def test_a_report_on_a_delivery_of_mail_needs_words_of_such_a_report(subject: str) -> None:
    said = f"  {subject.capitalize()} of the things that were meant for you in the first place"
    assert is_automatic(f"{said}. SMTP error.")
    if not is_automatic(said):
        assert not is_automatic(f"Hello. {said}. SMTP error.")
