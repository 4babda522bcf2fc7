"""How much is found in the made-up messages of models/held_out, by type; the figures are in docs/privacy.md."""

import pytest
from triage_models.benchmarks.redaction_check import (
    Accuracy,
    Message,
    main,
    measure,
    missed,
    parse_marked,
    read_messages,
)
from triage_models.data import corpus
from triage_models.text.redaction.redactor import Redactor
from triage_models.text.spans import Span

CHECKED = ("card", "iban", "email", "phone")


@pytest.fixture(scope="module", params=["development", "final"])
def accuracy(request: pytest.FixtureRequest) -> dict[str, Accuracy]:
    return measure([message for message in read_messages() if message.part == request.param], Redactor())


def test_there_are_messages_in_six_languages_with_every_type() -> None:
    messages = read_messages()
    assert len(messages) >= 500
    for part in ("development", "final"):
        for language in ("en", "es", "pt", "fr", "de", "it"):
            of_language = [message for message in messages if (message.language, message.part) == (language, part)]
            kinds = {span.kind for message in of_language for span in message.spans}
            assert kinds == {"card", "iban", "email", "phone", "address", "name"}
            assert any(not message.spans for message in of_language)


@pytest.mark.parametrize("kind", CHECKED)
def test_what_has_a_form_is_found(accuracy: dict[str, Accuracy], kind: str) -> None:
    assert accuracy[kind].values >= 18
    assert accuracy[kind].recall >= 0.99
    assert accuracy[kind].precision >= 0.99


def test_addresses_and_names_are_found_as_often_as_documented(accuracy: dict[str, Accuracy]) -> None:
    assert accuracy["address"].recall >= 0.99
    assert accuracy["name"].recall >= 0.77
    assert min(accuracy["address"].precision, accuracy["name"].precision) >= 0.96


def test_messages_of_real_chats_lose_few_words() -> None:
    """Most of the corpus has no personal data, so a rule that takes other words for a name or an address shows here."""
    redactor = Redactor()
    texts = [message.text for message in corpus.read_messages()][::10]
    counts = dict.fromkeys(("name", "address", "phone", "card", "iban"), 0)
    for text in texts:
        for span in redactor.find(text):
            counts[span.kind] = counts.get(span.kind, 0) + 1
    assert len(texts) > 2_000
    assert counts["name"] < 0.03 * len(texts)
    assert max(counts["address"], counts["phone"]) < 0.01 * len(texts)
    assert (counts["card"], counts["iban"]) == (0, 0)


def test_marks_are_taken_out_of_a_text() -> None:
    text, spans = parse_marked("I am {{name|Ana}}, {{email|a@example.com}}")
    assert text == "I am Ana, a@example.com"
    assert [text[span.start : span.end] for span in spans] == ["Ana", "a@example.com"]
    assert [span.kind for span in spans] == ["name", "email"]


def test_a_value_of_which_a_part_stays_is_not_found() -> None:
    message = Message("en", "final", "a@example.com x a@example.com", (Span("email", 0, 15), Span("name", 14, 15)))
    accuracy = measure([message], Redactor(["email"]))
    assert accuracy["email"] == Accuracy(values=1, found=0, detections=2, right=1)
    assert accuracy["email"].recall == 0
    assert accuracy["email"].precision == 0.5
    assert missed(message, Redactor(["email"])) == [
        "-email: 'a@example.com x'",
        "-name: 'x'",
        "+email: 'a@example.com'",
    ]


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--part", "final", "--language", "de", "--missed"])
    printed = capsys.readouterr().out
    assert "42 messages" in printed
    assert "iban" in printed
