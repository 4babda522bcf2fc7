"""Strimzi's topics equal those of `triage topics create`, and its users have only the rights that they need."""

from triage_worker.config.settings import Settings
from triage_worker.kafka.topic_plan import plan

from tests.deploy.manifests import Manifest, of_kind, refusal, rendered
from tests.kafka.acls import documented_acls


def test_topics_are_those_that_triage_would_create() -> None:
    resources = of_kind(rendered("medium"), "KafkaTopic")
    planned = {spec.topic: spec for spec in plan(Settings.load())}
    assert set(resources) == set(planned)
    for name, resource in resources.items():
        config = {key: str(value) for key, value in resource["spec"]["config"].items()}
        assert config.pop("min.insync.replicas") == str(resource["spec"]["replicas"] - 1)
        assert config == dict(planned[name].configs)
        assert resource["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def _rights(user: Manifest) -> dict[tuple[str, str], set[str]]:
    rules = user["spec"]["authorization"]["acls"]
    return {(rule["resource"]["type"], rule["resource"]["name"]): set(rule["operations"]) for rule in rules}


def test_each_service_has_only_the_rights_that_it_needs() -> None:
    users = of_kind(rendered("medium"), "KafkaUser")
    read, write, group = {"Read", "Describe"}, {"Write", "Describe"}, {"Read", "Describe"}
    assert {name: _rights(user) for name, user in users.items() if name != "triage-test"} == {
        "triage-worker": {
            ("topic", "customer.messages"): read,
            ("topic", "customer.intents"): write,
            ("topic", "customer.intents.fallback"): write,
            ("topic", "customer.messages.dlq"): write,
            ("topic", "customer.intents.review"): write,
            ("topic", "customer.intents.control"): read,
            ("group", "triage-worker"): group,
            ("transactionalId", "triage-triage-worker-"): write,
        },
        "triage-router": {
            ("topic", "customer.intents"): read,
            ("topic", "support.tickets"): write,
            ("topic", "support.alerts"): write,
            ("topic", "customer.messages.dlq"): write,
            ("group", "triage-router"): group,
            ("topic", "triage-router-"): {"Create", "Describe", "Read", "Write"},
        },
        "triage-fallback": {
            ("topic", "customer.intents.fallback"): read,
            ("topic", "customer.intents"): write,
            ("topic", "customer.intents.review"): write,
            ("topic", "customer.labels"): write,
            ("topic", "customer.messages.dlq"): write,
            ("group", "triage-fallback"): group,
            ("topic", "triage-fallback-spending"): {"Create", "Describe", "Read", "Write"},
            ("transactionalId", "triage-triage-fallback-"): write,
        },
        "triage-helpdesk": {
            ("topic", "support.tickets"): read,
            ("topic", "customer.messages.dlq"): write,
            ("group", "triage-helpdesk"): group,
            ("topic", "triage-helpdesk-state"): {"Create", "Describe", "Read", "Write"},
        },
        "triage-audit": {
            ("topic", "customer.intents.review"): read,
            ("topic", "customer.labels"): read,
            ("topic", "customer.intents.control"): read | write,
        },
        "triage-intake": {
            ("topic", "intake.received"): read | write,
            ("topic", "customer.messages"): write,
            ("topic", "customer.messages.dlq"): write,
            ("group", "triage-intake"): group,
            ("transactionalId", "triage-triage-intake-"): write,
        },
        "triage-console": {
            ("topic", "customer.intents"): read | write,
            ("topic", "customer.intents.fallback"): read,
            ("topic", "customer.messages.dlq"): read,
            ("topic", "support.tickets"): read,
            ("topic", "support.alerts"): read,
            ("topic", "customer.intents.review"): read,
            ("topic", "customer.labels"): read | write,
            ("topic", "customer.intents.control"): read,
            ("topic", "support.acts"): read | write,
        },
    }


def test_the_check_may_only_describe() -> None:
    rights = _rights(of_kind(rendered("medium"), "KafkaUser")["triage-test"])
    assert set.union(*rights.values()) == {"Describe", "DescribeConfigs"}


def test_a_secret_of_the_installation_is_not_the_one_that_strimzi_makes() -> None:
    """A user and the Secret with the password have one name; the helpdesk's token in it would be lost."""
    values: Manifest = {
        "kafka": {"bootstrapServers": "kafka:9093", "securityProtocol": "SASL_SSL"},
        "strimzi": {"cluster": "events", "users": {"enabled": True}},
        "helpdesk": {"enabled": True, "url": "https://x.zendesk.com", "user": "u", "existingSecret": "triage-helpdesk"},
    }
    assert "helpdesk.existingSecret is triage-helpdesk, which Strimzi gives the password" in refusal(values)


def test_no_right_covers_all_resources() -> None:
    for user in of_kind(rendered("medium"), "KafkaUser").values():
        for rule in user["spec"]["authorization"]["acls"]:
            assert rule["resource"]["name"] not in ("", "*")
            assert "All" not in rule["operations"]


def test_the_users_have_the_documented_rights() -> None:
    """The tests give these rights to a real authorizer. Read and Write include Describe, which the chart lists, too."""
    users = of_kind(rendered("medium"), "KafkaUser")
    for service in ("worker", "router", "fallback", "audit", "intake", "console", "check"):
        user = users["triage-test" if service == "check" else f"triage-{service}"]
        given = {
            (kind.replace("transactionalId", "transactional id"), name, operation)
            for (kind, name), operations in _rights(user).items()
            for operation in operations - ({"Describe"} if operations & {"Read", "Write"} else set())
        }
        assert given == {
            (right.kind, right.name, right.operation)
            for right in documented_acls(service, exactly_once=True, budget=True, audit=True)
        }
