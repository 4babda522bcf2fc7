"""The language of messages, from the text to the event."""

import orjson
import pytest
from triage_models.serving.mail.message import Message, read_message
from triage_models.text.language import Detection, LanguageDetector
from triage_schemas.messages.message import CustomerMessage
from triage_worker.inference.message_languages import MessageLanguages

from tests.worker.classify.harness import A, classification_harness, loaded_bundle
from tests.worker.fakes import FakeModel, record

GERMAN = "wo ist mein paket, ich warte seit zwei wochen"


@pytest.fixture(scope="module")
def languages() -> MessageLanguages:
    return MessageLanguages.open(detect=True)


def message(text: str, language: str | None = None) -> CustomerMessage:
    return CustomerMessage(text, "m-1", language=language)


def find(languages: MessageLanguages, text: str, language: str | None = None, *expected: str) -> Detection | None:
    return languages.find(message(text, language), expected, read_message(text).text)


def code(found: Detection | None) -> str | None:
    return found and found.language


def test_the_text_says_the_language_whatever_the_profile_says(languages: MessageLanguages) -> None:
    assert code(find(languages, GERMAN)) == "de"
    assert code(find(languages, GERMAN, "en-GB")) == "de"


def test_where_the_text_does_not_say_the_message_does(languages: MessageLanguages) -> None:
    found = find(languages, "12345", "pt-BR", "en")
    assert found == Detection("pt", 0.0)
    assert find(languages, "12345", "und", "en") is None
    assert code(find(languages, "hi", None, "en")) == "en"


def test_neither_markup_nor_a_quotation_says_the_language(languages: MessageLanguages) -> None:
    quoted = f"{GERMAN}\n\n> " + "\n> ".join(["thank you for your order, we have sent it to you today"] * 9)
    markup = f"<html><head><style>body {{ color: black; font-family: sans-serif }}</style></head><p>{GERMAN}</p></html>"
    assert [code(find(languages, text)) for text in (quoted, markup)] == ["de", "de"]


def test_without_detection_the_message_alone_says_it() -> None:
    off = MessageLanguages.open(detect=False)
    assert find(off, GERMAN, None, "en") is None
    assert find(off, GERMAN, "EN-us") == Detection("en", 0.0)


def test_languages_are_counted_by_a_bounded_set_of_names(languages: MessageLanguages) -> None:
    found = [Detection("de", 1), Detection("hu", 1), Detection(None, 0), None, Detection("xyz", 0)]
    assert languages.count(found) == {"de": 1, "other": 2, "unknown": 2}
    assert set(languages.count([Detection(code, 1) for code in LanguageDetector.open().languages])) <= {
        *LanguageDetector.open().languages
    }


async def test_the_language_is_in_the_event_and_in_the_metrics(languages: MessageLanguages) -> None:
    async with classification_harness(loaded_bundle(FakeModel()), languages=languages) as harness:
        values = [{"text": GERMAN}, {"text": GERMAN, "language": "de-AT"}, {"text": "12345"}]
        await harness.process({A: [record(A, offset, orjson.dumps(value)) for offset, value in enumerate(values)]})
        outputs = await harness.wait_for_outputs(3)
        events = [orjson.loads(output.value or b"") for output in outputs]
        counted = harness.processor.metrics.registry.get_sample_value
        assert [event["language"] for event in events] == ["de", "de-AT", None]
        assert counted("triage_messages_language_total", {"language": "de"}) == 2
        assert counted("triage_messages_language_total", {"language": "unknown"}) == 1


async def test_a_mail_is_read_once_for_tokens_and_language(languages: MessageLanguages) -> None:
    mail = f"{GERMAN}\n\n> " + "thank you for your order, we have sent it to you today " * 9
    value = orjson.dumps({"text": mail})
    reads: list[str] = []

    def first_line(text: str) -> Message:
        reads.append(text)
        return Message(text.partition("\n")[0], False)

    model = FakeModel()
    async with classification_harness(loaded_bundle(model), languages=languages, read=first_line) as harness:
        await harness.process({A: [record(A, 0, value)]})
        (output,) = await harness.wait_for_outputs(1)
    assert output.value is not None
    assert orjson.loads(output.value)["language"] == "de", "the quotation is in English"
    assert model.batches == [[GERMAN]]
    assert reads == [mail]
