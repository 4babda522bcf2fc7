"""The file of the intake's sources: what it may have, and how mistakes are named."""

from typing import Any

import pytest
import yaml
from triage_worker.config.errors import ConfigError
from triage_worker.config.intake_sources import parse
from triage_worker.config.settings import Settings
from triage_worker.intake.source_secrets import SourceSecrets
from triage_worker.intake.target_topics import target_topics

MAILBOX = {"host": "imap.example.com", "user": "help@shop.example"}


def source(**more: Any) -> dict[str, Any]:
    return {"name": "shop", "kind": "plain", "secrets": [{"env": "SHOP_SECRET"}]} | more


def parsed(*sources: dict[str, Any]) -> Any:
    return parse(yaml.safe_dump({"sources": list(sources)}), "intake.yaml")


def test_a_source_needs_a_name_a_kind_and_a_secret() -> None:
    (found,) = parsed(source())
    assert (found.name, found.kind, found.is_signed, found.replay_window_s) == ("shop", "plain", True, 300.0)


def test_vendors_that_sign_nothing_send_the_secret() -> None:
    assert [parsed(source(kind=kind))[0].is_signed for kind in ("gorgias", "freshdesk", "zendesk")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (source(kind="jira"), "sources.0.kind"),
        (source(name="Shop 1"), "sources.0.name"),
        (source(secrets=[]), "sources.0.secrets"),
        (source(secrets=[{"env": "A", "file": "b"}]), "either env"),
        (source(secrets=["s3cret"]), "sources.0.secrets.0"),
        (source(topics="a"), "sources.0.topics: is not known here"),
        (source(kind="imap"), "has a mailbox"),
        (source(mailbox=MAILBOX), "has a mailbox"),
        (source(kind="gorgias", signed=True), "signs nothing"),
        (source(header="a b"), "HTTP header"),
        (source(rate=0), "sources.0.rate"),
        (source(fields={"text": "a..b"}), "sources.0.fields.text"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_without_its_value(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parsed(given)
    assert str(error.value).startswith("intake.yaml, line ")
    assert said in str(error.value)
    assert "s3cret" not in str(error.value)


def test_names_are_different() -> None:
    with pytest.raises(ConfigError, match="another source is called shop, too"):
        parsed(source(), source())


def test_what_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match="line 1"):
        parse("sources: [", "intake.yaml")


def test_a_secret_that_is_missing_is_named() -> None:
    (found,) = parsed(source())
    with pytest.raises(ConfigError, match="SHOP_SECRET"):
        SourceSecrets(found, {})


def test_messages_go_to_the_topic_that_the_worker_reads() -> None:
    sources = parsed(source(), source(name="other", topic="shop.chat"))
    assert target_topics(Settings(), sources) == {"shop": "customer.messages", "other": "shop.chat"}


@pytest.mark.parametrize(
    ("settings", "given", "said"),
    [
        ({"input_topic": "a,b"}, source(), "needs a topic"),
        ({"input_topic": "^shop"}, source(), "needs a topic"),
        ({}, source(topic="intake.received"), "another topic"),
        ({}, source(kind="imap", mailbox=MAILBOX), "the format email"),
    ],
)
def test_a_topic_that_does_not_fit_is_refused(settings: dict[str, Any], given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        target_topics(Settings(**settings), parsed(given))


def test_emails_may_go_to_a_topic_of_their_own_or_where_the_worker_reads_emails() -> None:
    mail = source(kind="imap", mailbox=MAILBOX)
    assert target_topics(Settings(), parsed(mail | {"topic": "customer.mail"})) == {"shop": "customer.mail"}
    assert target_topics(Settings(input_format="email"), parsed(mail)) == {"shop": "customer.messages"}
