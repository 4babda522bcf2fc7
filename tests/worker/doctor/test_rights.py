"""What the worker's user may do, and the commands that grant what is missing."""

from collections.abc import Mapping

import pytest
from triage_worker.config.settings import Settings
from triage_worker.doctor.checks import Check
from triage_worker.doctor.rights import Rights, check_rights, needed_topics

READ, WRITE = frozenset({"Read", "Describe"}), frozenset({"Write", "Describe"})
NOTHING: frozenset[str] = frozenset()
TOPICS = {
    "customer.messages": READ,
    "customer.intents": WRITE,
    "customer.intents.fallback": WRITE,
    "customer.messages.dlq": WRITE,
}
SETTINGS = Settings(bootstrap_servers="kafka-1:9092")


def checks(settings: Settings = SETTINGS, **changes: object) -> list[Check]:
    given: dict[str, object] = {"topics": TOPICS, "group": READ} | changes
    return list(check_rights(Rights(**given), settings))  # type: ignore[arg-type]


def test_all_rights_are_one_line() -> None:
    (check,) = checks()
    assert check.kind == "ok"
    assert check.message == (
        "this user may write customer.intents, customer.intents.fallback and customer.messages.dlq; "
        "join the group triage-worker"
    )


@pytest.mark.parametrize(
    ("topics", "message", "granted"),
    [
        (
            {"customer.intents": READ, "customer.messages.dlq": NOTHING},
            "this user may not write customer.intents and customer.messages.dlq: grant it, if the worker logs in as "
            "this user",
            "--operation Write --topic customer.intents --topic customer.messages.dlq",
        ),
        (
            {"customer.messages": WRITE},
            "this user may not read customer.messages: grant it, if the worker logs in as this user",
            "--operation Read --topic customer.messages",
        ),
    ],
)
def test_a_missing_right_on_topics_has_its_command(
    topics: Mapping[str, frozenset[str]], message: str, granted: str
) -> None:
    command = f"kafka-acls --bootstrap-server kafka-1:9092 --add --allow-principal User:NAME {granted}"
    assert checks(topics=TOPICS | dict(topics)) == [Check("advice", message, command)]


def test_topics_that_do_not_exist_need_the_right_to_create_them() -> None:
    there = {"customer.messages": READ}
    missing = ("customer.intents", "customer.messages.dlq")
    (check,) = checks(topics=there, creates=dict.fromkeys(missing, True))
    assert check == Check(
        "ok", "this user may create customer.intents and customer.messages.dlq; join the group triage-worker"
    )
    (check,) = checks(topics=there, creates=dict.fromkeys(missing, False))
    assert check.kind == "advice"
    assert "may not create customer.intents and customer.messages.dlq: let an administrator run" in check.message
    assert (check.command or "").endswith("--operation Create --topic customer.intents --topic customer.messages.dlq")


def test_the_group_and_the_users_name_are_in_the_command() -> None:
    secured = {"security_protocol": "SASL_SSL", "sasl_username": "worker one", "sasl_password": "hush"}
    settings = Settings.load(bootstrap_servers="kafka-1:9092", **secured)
    (check,) = checks(settings, group=NOTHING)
    assert "may not join the group triage-worker" in check.message
    assert check.command == (
        "kafka-acls --bootstrap-server kafka-1:9092 --command-config admin.properties --add --allow-principal "
        "'User:worker one' --operation Read --group triage-worker"
    )


def test_what_an_audit_needs_is_looked_at_only_with_an_audit() -> None:
    assert "customer.intents.review" not in needed_topics(SETTINGS)
    settings = Settings(audit_share=0.1)
    assert needed_topics(settings)["customer.intents.review"] == {"Write"}
    (check,) = checks(settings, topics=TOPICS | {"customer.intents.review": NOTHING})
    assert "may not write customer.intents.review" in check.message


def test_a_broker_that_does_not_tell_is_said() -> None:
    for rights in (None, Rights(None)):
        (check,) = check_rights(rights, SETTINGS)
        assert check.kind == "advice"
        assert check.message.startswith("the broker does not say what this user may write")
    (check,) = checks(group=None)
    assert "join" not in check.message
