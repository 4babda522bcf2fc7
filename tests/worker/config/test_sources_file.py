"""The file of the sources: what it may say, and what an error says."""

import json
from pathlib import Path

import pytest
from triage_worker.config import sources_file
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.errors import ConfigError
from triage_worker.config.input_topics import input_sources, input_topics, named_topics
from triage_worker.config.settings import Settings
from triage_worker.config.source_model import ONLY_HERE, SETTINGS_OF, SourceModel

SCHEMA = Path(__file__).parents[3] / "docs" / "sources.schema.json"

FILE = r"""
sources:
  - topic: shop.chat
    text_field: payload.text
    channel: chat
  - name: mail
    topic: [shop.mail, shop.mail.eu]
    format: Email
    entities: [date, amount]
    detect_language: false
  - pattern: ^shop\.[a-z]+
    text_field: [subject, header:body]
    bundle: {en: english, "*": rest}
"""


def loaded(tmp_path: Path, text: str, **settings: object) -> Settings:
    (tmp_path / "sources.yaml").write_text(text)
    return Settings.load(sources=str(tmp_path / "sources.yaml"), **settings)


def test_a_source_overrides_the_settings_that_it_names_and_no_others(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FILE, text_field="body", region="DE", max_text_bytes=7)
    sources = input_sources(settings)
    chat, mail, other = (sources.of(topic) for topic in ("shop.chat", "shop.mail.eu", "shop.forum"))
    assert (chat.name, chat.channel, chat.settings.text_field, chat.settings.input_format) == (
        "shop.chat",
        "chat",
        "payload.text",
        "json",
    )
    assert (mail.name, mail.settings.input_format, mail.settings.text_field) == ("mail", "email", "body")
    assert (mail.settings.entities, mail.settings.detect_language) == ("date,amount", False)
    assert {source.settings.max_text_bytes for source in sources.sources} == {7}
    assert other.settings.text_field == "subject,header:body"
    assert other.settings.bundle == BundlePaths(Path("rest"), {"en": Path("english")})


def test_all_topics_are_read(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FILE)
    assert named_topics(settings, "input_topic") == ("shop.chat", "shop.mail", "shop.mail.eu")
    assert input_topics(settings).of({"shop.forum", "shop.x.y"}) == {
        "shop.chat",
        "shop.mail",
        "shop.mail.eu",
        "shop.forum",
    }


def test_a_topic_belongs_to_the_source_that_names_it_before_one_that_matches_it(tmp_path: Path) -> None:
    sources = input_sources(
        loaded(tmp_path, 'sources:\n  - {pattern: "^a.*"}\n  - {topic: ab}\n  - {pattern: "^.*"}\n')
    )
    assert [sources.of(topic).name for topic in ("ac", "ab", "b")] == ["^a.*", "ab", "^.*"]


def test_sources_with_the_same_bundle_share_it(tmp_path: Path) -> None:
    text = "sources:\n" + "".join(
        f"  - {{topic: t{number}{bundle}}}\n"
        for number, bundle in enumerate(["", ", bundle: x", ", bundle: x", ", bundle: d"])
    )
    sources = input_sources(loaded(tmp_path, text, bundle="d"))
    assert [source.group for source in sources.sources] == ["", "t1", "t1", ""]
    assert sources.bundles == {"": BundlePaths(Path("d")), "t1": BundlePaths(Path("x"))}


ONE = "sources:\n  - topic: a\n"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (ONE + "    text_feild: x\n", "line 3, column 5", "did you mean text_field? Allowed are name, topic, pattern"),
        (ONE + "    TRIAGE_REGION: GB\n", "line 3, column 5", "did you mean region?"),
        ("source:\n  - topic: a\n", "line 1, column 1", "sources: is missing"),
        ("- topic: a\n", "line 1, column 1", "the file: should be names and values"),
        ("", "line 1, column 1", "sources: is missing"),
        ("sources: []\n", "line 1, column 1", "sources: list should have at least 1 item"),
        ("sources:\n  topic: a\n", "line 1, column 1", "sources: should be a list"),
        (ONE + "  - format: json\n", "line 3, column 5", "sources.1: a source has either topic or pattern"),
        (ONE + "    pattern: ^b\n", "line 2, column 5", "a source has either topic or pattern"),
        ("sources:\n  - topic: [a, b c]\n", "line 2, column 16", "sources.0.topic.1: 'b c' should be letters"),
        ("sources:\n  - pattern: b\n", "line 2, column 5", "sources.0.pattern: 'b' should begin with ^"),
        ("sources:\n  - pattern: ^b(\n", "line 2, column 5", "is not a regular expression"),
        (ONE + "    format: xml\n", "line 3, column 5", "sources.0.format: input should be 'json', 'text'"),
        (ONE + "    clean_email: maybe\n", "line 3, column 5", "should be true or false"),
        (ONE + "    text_field: a..b\n", "line 3, column 5", "should be names joined by dots, header:NAME"),
        (ONE + "    text_field: 7\n", "line 3, column 5", "should be a text (numbers and yes/no need quotes)"),
        (ONE + "    entities: [date, dates]\n", "line 3, column 5", "'dates' should be none, or some of"),
        (ONE + "    bundle: {en: x}\n", "line 3, column 5", "add *=FOLDER"),
        (ONE + "    bundle: {xx: x, '*': y}\n", "line 3, column 5", "'xx' is no language"),
        (ONE + "  - topic: b\n    topic: c\n", "line 4, column 5", "'topic' is given twice"),
        (ONE + "  - topic: [b, a]\n", "line 3, column 16", "the topic a belongs to another source, too"),
        ("sources:\n  - {topic: a, name: x}\n  - {topic: b, name: x}\n", "line 3, column 16", "is called 'x', too"),
        ("sources:\n  - {topic: a}\n  - {topic: b, name: a}\n", "line 3, column 16", "is called 'a', too"),
        ("sources:\n  - pattern: ^a\n  - pattern: ^a\n", "line 3, column 5", "is called '^a', too"),
        ("sources:\n  - topic: 'a\n", "line 3, column 1", "found unexpected end of stream"),
    ],
)  # fmt: skip
def test_an_error_names_the_place_and_what_is_allowed(text: str, place: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        sources_file.parse(text, "sources.yaml")
    assert str(error.value).startswith(f"sources.yaml, {place}: ")
    assert problem in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The sources in .*none\.yaml cannot be read: No such file"):
        input_sources(Settings.load(sources=str(tmp_path / "none.yaml")))


def test_topics_are_named_in_one_place_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set only one of them"):
        input_sources(loaded(tmp_path, FILE, input_topic="a"))


def test_a_topic_that_triage_writes_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Triage writes to customer\.intents"):
        input_sources(loaded(tmp_path, "sources:\n  - topic: customer.intents\n"))


def test_a_format_of_a_registry_needs_one(tmp_path: Path) -> None:
    text = "sources:\n  - topic: a\n    format: avro\n"
    with pytest.raises(ConfigError, match="the format avro of a needs TRIAGE_SCHEMA_REGISTRY_URL"):
        input_sources(loaded(tmp_path, text))
    assert input_sources(loaded(tmp_path, text, schema_registry_url="http://registry:8081")).of("a")


def test_every_key_is_a_setting_with_a_description() -> None:
    assert {SETTINGS_OF.get(name, name) for name in SourceModel.model_fields} - {*ONLY_HERE} <= set(
        Settings.model_fields
    )
    assert all(field.description for field in SourceModel.model_fields.values())


def test_the_schema_for_editors_is_current() -> None:
    assert SCHEMA.read_text() == sources_file.schema(), "run: triage sources schema > docs/sources.schema.json"


def test_the_schema_names_all_keys_and_formats() -> None:
    source = json.loads(sources_file.schema())["$defs"]["SourceModel"]
    assert list(source["properties"]) == list(SourceModel.model_fields)
    assert "email" in source["properties"]["format"]["enum"]
    assert source["additionalProperties"] is False
