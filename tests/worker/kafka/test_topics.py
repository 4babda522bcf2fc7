"""The plan of the topics, what is reported about existing ones, and errors of the connection."""

from pathlib import Path
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NodeNotReadyError
from triage_schemas.channels import SERVICES, Service
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker, free_port
from triage_worker.kafka import topics
from triage_worker.kafka.topic_plan import (
    ExistingTopic,
    Problem,
    TopicSpec,
    pattern_problems,
    plan,
    problems,
    required_operations,
)

from tests.kafka.acls import documented_acls

DELETE = {"cleanup.policy": "delete"}


def found_topic(replicas: int = 3, **configs: str) -> ExistingTopic:
    return ExistingTopic(6, replicas, {name.replace("_", "."): value for name, value in configs.items()})


def problems_of(spec: TopicSpec, topic: ExistingTopic, brokers: int = 3) -> list[tuple[str, str]]:
    return [(problem.kind, problem.message) for problem in problems([spec], {spec.topic: topic}, brokers)]


def test_the_plan_has_every_topic_of_the_settings() -> None:
    named = {name for name in Settings.model_fields if name.endswith("_topic")}
    assert {spec.setting for spec in plan(Settings())} == named


def test_each_service_requires_what_it_reads_and_what_it_writes() -> None:
    assert {service: list(required_operations(service).items()) for service in SERVICES} == {
        "worker": [
            ("input_topic", "Read"),
            ("output_topic", "Write"),
            ("fallback_topic", "Write"),
            ("dead_letter_topic", "Write"),
        ],
        "router": [
            ("output_topic", "Read"),
            ("tickets_topic", "Write"),
            ("alerts_topic", "Write"),
            ("dead_letter_topic", "Write"),
        ],
        "helpdesk": [("tickets_topic", "Read"), ("dead_letter_topic", "Write")],
        "fallback": [
            ("fallback_topic", "Read"),
            ("output_topic", "Write"),
            ("review_topic", "Write"),
            ("labels_topic", "Write"),
            ("dead_letter_topic", "Write"),
        ],
        "review": [
            ("review_topic", "Read and Write"),
            ("output_topic", "Write"),
            ("labels_topic", "Write"),
            ("dead_letter_topic", "Write"),
        ],
        "audit": [("review_topic", "Read"), ("labels_topic", "Read")],
        "intake": [("intake_topic", "Read and Write"), ("input_topic", "Write"), ("dead_letter_topic", "Write")],
        "console": [
            ("output_topic", "Read and Write"),
            ("fallback_topic", "Read"),
            ("dead_letter_topic", "Read"),
            ("tickets_topic", "Read"),
            ("alerts_topic", "Read"),
            ("review_topic", "Read"),
            ("labels_topic", "Read and Write"),
            ("control_topic", "Read"),
            ("acts_topic", "Read and Write"),
        ],
    }


HELPDESK_STATE = "triage-helpdesk-state"
"""The connector's own, named after its group: it is in no channel."""


@pytest.mark.parametrize("service", SERVICES)
def test_the_documented_rights_are_the_required_ones(service: Service) -> None:
    topics_of_service = {getattr(Settings(), name): name for name in required_operations(service)}
    documented: dict[str, set[str]] = {}
    for right in documented_acls(service):
        if right.kind == "topic" and not right.prefix and right.name != HELPDESK_STATE:
            documented.setdefault(topics_of_service[right.name], set()).add(right.operation)
    required = required_operations(service)
    assert documented == {name: set(operations.split(" and ")) for name, operations in required.items()}


def test_topics_as_planned_have_no_problem() -> None:
    wanted = plan(Settings())
    assert problems(wanted, {spec.topic: ExistingTopic(6, 3, {**DELETE, **spec.configs}) for spec in wanted}, 3) == []


def input_specs(settings: Settings, *existing: str) -> list[str]:
    return [spec.topic for spec in plan(settings, existing) if spec.setting == "input_topic"]


def test_every_input_topic_is_planned_and_those_that_match_are_checked() -> None:
    assert input_specs(Settings(input_topic="a,b"), "a", "c") == ["a", "b"]
    pattern = Settings(input_topic="^customer.*")
    assert input_specs(pattern) == [], "none is created"
    assert input_specs(pattern, "customer.b", "customer.a", "customer.intents") == ["customer.a", "customer.b"]


def test_a_pattern_that_matches_nothing_is_reported() -> None:
    pattern = Settings(input_topic="^customer.*")
    assert pattern_problems(pattern, {"customer.a"}) == []
    [problem] = pattern_problems(pattern, {"customer.intents", "shop"})
    assert (problem.topic, problem.kind) == ("^customer.*", "advice")
    assert "matches no topic" in problem.message


def test_a_missing_topic_of_the_file_is_to_be_corrected_there(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text("sources:\n  - topic: shop.chat\n")
    [problem] = problems([plan(Settings(sources=file))[0]], {}, 3)
    assert problem.topic == "shop.chat"
    assert f"name the one that does in {file}" in problem.message


def test_a_missing_topic_is_reported_with_the_command_that_creates_it() -> None:
    [problem] = problems([TopicSpec("input_topic", "shop.chat")], {}, 3)
    assert (problem.topic, problem.kind) == ("shop.chat", "error")
    assert "`triage topics create`" in problem.message
    assert "TRIAGE_INPUT_TOPIC" in problem.message


def test_a_topic_that_the_user_may_not_see_is_not_reported_as_missing() -> None:
    [problem] = problems([TopicSpec("input_topic", "shop.chat")], {}, 3, hidden={"shop.chat"})
    assert (problem.kind, "grant it Describe and DescribeConfigs" in problem.message) == ("error", True)
    [(kind, message)] = problems_of(TopicSpec("tickets_topic", "tickets"), ExistingTopic(6, 3, None))
    assert (kind, "grant it DescribeConfigs" in message) == ("advice", True)


def test_compaction_is_an_error_except_for_the_tickets_topic() -> None:
    [(kind, message)] = problems_of(TopicSpec("input_topic", "in"), found_topic(cleanup_policy="compact,delete"))
    assert (kind, "set it to delete" in message) == ("error", True)
    [(kind, message)] = problems_of(TopicSpec("tickets_topic", "tickets"), found_topic(cleanup_policy="delete"))
    assert (kind, "set it to compact" in message) == ("advice", True)


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_control_topic_that_forgets_raised_thresholds_is_an_error(policy: str) -> None:
    [(kind, message)] = problems_of(TopicSpec("control_topic", "control"), found_topic(cleanup_policy=policy))
    assert (kind, "set it to compact" in message) == ("error", True)


def test_a_labels_topic_that_deletes_answers_is_reported() -> None:
    labels = TopicSpec("labels_topic", "labels")
    [(kind, message)] = problems_of(labels, found_topic(retention_ms="604800000"))
    assert (kind, "after 7 days" in message, "retention.ms to -1" in message) == ("advice", True, True)
    assert problems_of(labels, found_topic(retention_ms="-1")) == []
    assert problems_of(TopicSpec("input_topic", "in"), found_topic(retention_ms="604800000")) == []


def test_dead_letters_need_room_for_their_headers() -> None:
    spec = TopicSpec("dead_letter_topic", "dlq", {"max.message.bytes": "2097152"})
    [(kind, message)] = problems_of(spec, found_topic(max_message_bytes="1048588"))
    assert (kind, "2097152" in message) == ("advice", True)


def test_fewer_replicas_than_the_cluster_allows_are_reported() -> None:
    spec = TopicSpec("input_topic", "in")
    assert [kind for kind, _ in problems_of(spec, found_topic(replicas=1), brokers=3)] == ["advice"]
    assert problems_of(spec, found_topic(replicas=1), brokers=1) == []


def test_errors_come_first() -> None:
    wanted = [TopicSpec("input_topic", "in"), TopicSpec("output_topic", "out")]
    listed = problems(wanted, {"in": found_topic(replicas=1)}, 3)
    assert [problem.kind for problem in listed] == ["error", "advice"]


async def test_topics_are_created_once_and_then_pass_the_check() -> None:
    async with embedded_broker() as servers:
        settings = Settings.load(bootstrap_servers=servers)
        assert {problem.kind for problem in await topics.check(settings)} == {"error"}
        with pytest.raises(ConfigError, match="TRIAGE_FALLBACK_TOPIC"):
            await topics.require(settings, {"fallback_topic": "Write"})
        names = {spec.topic for spec in plan(settings)}
        assert await topics.create(settings, partitions=4, replicas=None) == dict.fromkeys(names, True)
        assert await topics.create(settings, partitions=4, replicas=None) == dict.fromkeys(names, False)
        assert await topics.check(settings) == list[Problem]()
        await topics.require(settings, {"fallback_topic": "Write"})


async def test_an_unreachable_broker_is_named_in_one_sentence() -> None:
    settings = Settings.load(bootstrap_servers=f"127.0.0.1:{free_port()}")
    with pytest.raises(ConfigError, match=r"^No broker answers at .* set TRIAGE_BOOTSTRAP_SERVERS to where it is\.$"):
        await topics.check(settings)


async def test_a_broker_without_tls_is_not_reported_as_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage_worker.kafka.connection.CONNECT_TIMEOUT_S", 0.5)
    async with embedded_broker() as servers:
        settings = Settings.load(bootstrap_servers=servers, security_protocol="SSL")
        with pytest.raises(ConfigError, match="TRIAGE_SECURITY_PROTOCOL=SSL"):
            await topics.check(settings)


async def test_a_missing_certificate_file_is_named() -> None:
    settings = Settings.load(security_protocol="SSL", ssl_cafile="nowhere.pem")
    with pytest.raises(ConfigError, match=r"^TRIAGE_SSL_CAFILE=nowhere\.pem is not a file"):
        await topics.check(settings)


class NamelessAdmin:
    """A client of a cluster whose only broker is fenced."""

    async def describe_cluster(self) -> dict[str, list[object]]:
        return {"brokers": []}


async def test_no_topic_has_as_many_replicas_as_a_cluster_that_names_no_broker() -> None:
    with pytest.raises(NodeNotReadyError):
        await topics.replica_count(cast("AIOKafkaAdminClient", NamelessAdmin()))
