"""Messages of several topics, each read and decided as its source says."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiokafka.structs import TopicPartition
from triage_models.text.language import Detection
from triage_worker.classify.message_sources import MessageSources, shape_of
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.config.input_topics import InputSources, input_sources
from triage_worker.config.settings import Settings
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.worker.classify.harness import loaded_bundle
from tests.worker.fakes import FakeModel, ProcessorHarness, record

CHAT, MAIL, FORUM = (TopicPartition(topic, 0) for topic in ("shop.chat", "shop.mail", "shop.forum"))

FILE = r"""
sources:
  - topic: shop.chat
    text_field: payload.text
    conversation_field: key:chat
    entities: none
  - topic: shop.mail
    format: text
    channel: email
    bundle: {de: german, "*": mail}
  - pattern: ^shop\..*
    text_field: [title, post]
    customer_field: header:user
"""


@pytest.fixture
def sources(tmp_path: Path) -> InputSources:
    (tmp_path / "sources.yaml").write_text(FILE)
    return input_sources(Settings.load(sources=str(tmp_path / "sources.yaml")))


def processor_of(sources: InputSources, *bundles: FakeModel) -> ProcessorHarness[ClassificationProcessor]:
    """A processor whose bundles have the versions "rest", "mail" and "german"."""
    rest, mail, german = bundles
    in_flight = InFlightMessages(Metrics())
    serving = ServingBundles(
        loaded_bundle(rest, "rest"),
        loaded_bundle(mail, "mail", serves=("shop.mail:*",)),
        loaded_bundle(german, "german", serves=("shop.mail:de",)),
    )
    made = MessageSources.from_settings(sources)
    processor = ClassificationProcessor(
        serving, DeadLetters(DeadLetterTopic("dlq")), made, in_flight, metrics=Metrics()
    )
    return ProcessorHarness(processor, in_flight, CHAT, MAIL, FORUM)


def by_topic(outputs: Sequence[Output]) -> dict[str, dict[str, object]]:
    return {output.record.topic: orjson.loads(output.value or b"{}") for output in outputs}


async def test_each_topic_is_read_and_decided_as_its_source_says(sources: InputSources) -> None:
    chat = orjson.dumps({"payload": {"text": "call me on 2024-03-12"}})
    forum = orjson.dumps({"title": "a parcel", "post": "paid $5", "text": "another"})
    async with processor_of(sources, FakeModel(), FakeModel(), FakeModel()) as harness:
        await harness.process(
            {
                CHAT: [record(CHAT, 0, chat, key=b'{"chat": "c-1"}')],
                MAIL: [
                    record(MAIL, 0, b"Wo ist mein Paket? Ich warte seit zwei Wochen darauf, und niemand antwortet.")
                ],
                FORUM: [replace(record(FORUM, 0, forum), headers=(("user", b"u-7"),))],
            }
        )
        events = by_topic(await harness.wait_for_outputs(3))
    assert {topic: event["model"] for topic, event in events.items()} == {
        "shop.chat": {"name": "m", "version": "rest"},
        "shop.mail": {"name": "m", "version": "german"},
        "shop.forum": {"name": "m", "version": "rest"},
    }
    assert events["shop.chat"]["conversation_id"] == "c-1"
    assert "entities" not in events["shop.chat"]
    assert events["shop.mail"]["channel"] == "email"
    assert events["shop.forum"]["customer_id"] == "u-7"
    assert events["shop.forum"]["text"] == "a parcel\n\npaid $5"
    assert [entity["type"] for entity in events["shop.forum"]["entities"]] == ["amount"]  # type: ignore[attr-defined]
    assert {event["message_id"] for event in events.values()} == {"shop.chat-0-0", "shop.mail-0-0", "shop.forum-0-0"}


async def test_what_one_topic_cannot_read_another_can(sources: InputSources) -> None:
    async with processor_of(sources, FakeModel(), FakeModel(), FakeModel()) as harness:
        await harness.process({part: [record(part, 0, b"plain text")] for part in (CHAT, MAIL)})
        outputs = await harness.wait_for_outputs(2)
    assert {output.record.topic: output.label for output in outputs if output.outcome == "dead_letter"} == {
        "shop.chat": "not_json"
    }


def test_the_bundles_of_a_source_do_not_decide_for_others() -> None:
    rest, mail = loaded_bundle(FakeModel()), loaded_bundle(FakeModel(), serves=("mail:*",))
    german = loaded_bundle(FakeModel(), serves=("mail:de", "mail:at"))
    bundles = ServingBundles(rest, mail, german)
    found = Detection("de", 0.9)
    assert bundles.group("").of(found) is rest
    assert bundles.group("mail").of(found) is german
    assert bundles.group("mail").of(None) is mail
    new = loaded_bundle(FakeModel(), "2", serves=("mail:*",))
    assert bundles.using(new).group("mail").of(None) is new
    assert bundles.using(new).default is rest


def test_a_topic_without_a_source_is_read_as_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(FILE)
    settings = Settings.load(sources=str(tmp_path / "sources.yaml"), text_field="body")
    assert shape_of(settings, "shop.mail").format == "text"
    assert shape_of(settings, "other").text_path == ("body",)


def test_folders_of_a_source_are_watched_by_its_name(sources: InputSources) -> None:
    served = [serves for group, paths in sources.bundles.items() for serves in paths.served_by(group)]
    assert served == [("*",), ("shop.mail:*",), ("shop.mail:de",)]
