"""The chart with several input topics, or a pattern."""

import pytest

from tests.deploy.manifests import Manifest, environment, of_kind, refusal, render

SOURCES = """
sources:
  - topic: shop.chat
    format: text
  - topic: [shop.mail, shop.forum]
"""


def values(topics: str, sources: str = "") -> Manifest:
    strimzi = {"cluster": "kafka", "users": {"enabled": True}, "topics": {"enabled": True}}
    worker = {"autoscaling": {"enabled": True}, "sources": sources}
    return {
        "kafka": {"bootstrapServers": "kafka:9092"},
        "topics": {"input": topics},
        "strimzi": strimzi,
        "worker": worker,
    }


def triggers(manifests: list[Manifest]) -> list[str | None]:
    """The topics of KEDA's triggers by lag; None for one that has all topics of the group."""
    (scaled,) = of_kind(manifests, "ScaledObject").values()
    return [one["metadata"].get("topic") for one in scaled["spec"]["triggers"] if one["type"] == "kafka"]


def read_rights(manifests: list[Manifest]) -> set[tuple[str, str]]:
    rules = of_kind(manifests, "KafkaUser")["triage-worker"]["spec"]["authorization"]["acls"]
    topics = [rule for rule in rules if rule["resource"]["type"] == "topic" and "Read" in rule["operations"]]
    return {(rule["resource"]["name"], rule["resource"]["patternType"]) for rule in topics}


def test_each_named_topic_is_created_read_and_scaled_by() -> None:
    manifests = render(values("shop.chat, shop.mail"))
    assert triggers(manifests) == ["shop.chat", "shop.mail"]
    assert {"shop.chat", "shop.mail"} < set(of_kind(manifests, "KafkaTopic"))
    assert read_rights(manifests) == {("shop.chat", "literal"), ("shop.mail", "literal")}


@pytest.mark.parametrize(
    ("pattern", "prefix"), [(r"^shop\.[a-z]+", "shop."), (r"^shop\.v1\..*", "shop.v1."), ("^chats?", "chat")]
)
def test_a_pattern_has_one_trigger_and_rights_by_its_first_letters(pattern: str, prefix: str) -> None:
    manifests = render(values(pattern))
    assert triggers(manifests) == [None]
    assert read_rights(manifests) == {(prefix, "prefix")}
    assert "customer.messages" not in of_kind(manifests, "KafkaTopic")


@pytest.mark.parametrize("pattern", ["^a|b", "^(a|b)", "^.*"])
def test_rights_that_no_letters_say_are_refused(pattern: str) -> None:
    assert "cannot derive rights from the pattern of input topics" in refusal(values(pattern))


@pytest.mark.parametrize("topics", ["a b", "a,,b", "shop.*", ""])
def test_what_is_neither_names_nor_a_pattern_is_refused(topics: str) -> None:
    assert "topics/input" in refusal(values(topics)).replace(".", "/")


def test_a_file_of_sources_takes_the_place_of_the_input_topics() -> None:
    manifests = render(values("customer.messages", SOURCES))
    names = ["shop.chat", "shop.mail", "shop.forum"]
    assert triggers(manifests) == names
    assert set(names) < set(of_kind(manifests, "KafkaTopic"))
    assert "customer.messages" not in of_kind(manifests, "KafkaTopic")
    assert read_rights(manifests) == {(name, "literal") for name in names}
    assert of_kind(manifests, "ConfigMap")["triage-sources"]["data"]["sources.yaml"].strip() == SOURCES.strip()
    (container,) = of_kind(manifests, "Deployment")["triage-worker"]["spec"]["template"]["spec"]["containers"]
    assert environment(container)["TRIAGE_SOURCES"] == "/etc/triage/sources/sources.yaml"
    assert "TRIAGE_INPUT_TOPIC" not in environment(container)
    assert {"name": "sources", "mountPath": "/etc/triage/sources", "readOnly": True} in container["volumeMounts"]


def test_a_source_with_a_pattern_has_one_trigger_for_all() -> None:
    manifests = render(values("x", SOURCES + "  - pattern: ^forum\\..*\n"))
    assert triggers(manifests) == [None]
    assert ("forum.", "prefix") in read_rights(manifests)


def test_a_job_that_runs_before_the_file_is_there_creates_the_named_topics() -> None:
    given = {"kafka": {"bootstrapServers": "k:9092"}, "topics": {"create": True}, "worker": {"sources": SOURCES}}
    (job,) = of_kind(render(given), "Job").values()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert environment(container)["TRIAGE_INPUT_TOPIC"] == "shop.chat,shop.mail,shop.forum"
    assert "TRIAGE_SOURCES" not in environment(container)


def test_sources_that_are_none_are_refused() -> None:
    assert "worker.sources is no file of sources" in refusal(values("x", "topics: [a]"))
