"""Which topics are read: names, and patterns by which topics are found."""

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.input_topics import input_topics, named_topics
from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection

CLUSTER = {
    "customer.chat",
    "customer.messages",
    "customer.messages.dlq",
    "customer.messages.dlq.replayed",
    "customer.intents",
    "customer.labels",
    "triage-router-keyed",
    "shop-keyed",
    "shop-orders",
    "__consumer_offsets",
}


def test_one_topic_is_read_as_before() -> None:
    assert TopicSelection.parse("customer.messages") == TopicSelection(("customer.messages",))


def test_a_list_is_read_in_its_order_with_blanks_and_a_comma_at_its_end() -> None:
    assert TopicSelection.parse("shop.chat, shop.mail,").names == ("shop.chat", "shop.mail")
    assert Settings(input_topic="shop.chat, shop.mail,").input_topic == "shop.chat,shop.mail"


def test_topics_that_are_named_are_read_whether_or_not_they_exist() -> None:
    assert TopicSelection.parse("a,b").of({"b", "c"}) == {"a", "b"}
    assert TopicSelection.parse("a,b").found({"a", "b"}) == frozenset()


def test_a_pattern_matches_whole_names_and_may_contain_a_comma() -> None:
    selection = TopicSelection.parse(r"^shop\.[a-z]{2,4}")
    assert selection.names == ()
    assert selection.of({"shop.chat", "shop.c", "shop.chat.v2", "my.shop.chat", "other"}) == {"shop.chat"}


@pytest.mark.parametrize("pattern", ["^.*", "^.+$", r"^(customer|shop|triage)[.-].*"])
def test_a_pattern_never_finds_what_triage_writes_or_what_is_kafkas_own(pattern: str) -> None:
    settings = Settings(input_topic=pattern, group_id="shop")
    expected = {"customer.chat", "customer.messages", "shop-orders"}
    assert input_topics(settings).of(CLUSTER) == expected


def test_the_topics_of_other_settings_are_single_names() -> None:
    settings = Settings(input_topic="a,b")
    assert named_topics(settings, "input_topic") == ("a", "b")
    assert named_topics(settings, "output_topic") == ("customer.intents",)
    assert named_topics(Settings(input_topic="^a"), "input_topic") == ()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a,a", "a is given twice"),
        ("shop.*", "a pattern begins with ^"),
        ("a b", "'a b' should be letters, digits"),
        (" , ", "should be topics separated by commas"),
        ("^shop(", "is not a regular expression (RE2): missing )"),
        ("^(?!x)", "is not a regular expression (RE2)"),
        ("customer.chat,customer.intents", "TRIAGE_INPUT_TOPIC and TRIAGE_OUTPUT_TOPIC are both customer.intents"),
    ],
)
def test_a_wrong_value_is_described(value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        Settings.load(input_topic=value)
    assert problem in str(error.value)


def test_a_pattern_takes_no_time_that_grows_faster_than_the_name() -> None:
    assert TopicSelection.parse("^(a+)+b").of({"a" * 240}) == frozenset()
