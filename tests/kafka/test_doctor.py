"""``triage doctor`` on a real Kafka: what it reads, that it changes nothing, and what it says if nothing is there."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.doctor import gathering
from triage_worker.doctor.examination import conclude
from triage_worker.doctor.gathering import NothingToReadError, gather
from triage_worker.doctor.overview import list_topics

from tests.kafka import admin
from tests.kafka.acls import Acl, documented_acls
from tests.kafka.harness import ROOT, KafkaHarness, environment
from tests.kafka.secured_services import SecuredServices
from tests.worker.doctor import payloads
from tests.worker.doctor.payloads import as_json

pytestmark = pytest.mark.kafka


async def fill(harness: KafkaHarness, values: Iterable[bytes | None], **arguments: Any) -> None:
    await harness.create_topics(partitions=3)
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, linger_ms=50, **arguments) as producer:
        sent = [await producer.send(harness.input, value, key=b"k%d" % number) for number, value in enumerate(values)]
        await asyncio.gather(*sent)


def settings_of(harness: KafkaHarness, **others: str) -> Settings:
    topics = {"output_topic": harness.output, "fallback_topic": harness.fallback}
    names = {"input_topic": harness.input, "dead_letter_topic": harness.dead_letters, **topics}
    return Settings.load(bootstrap_servers=harness.bootstrap, group_id=harness.group, **{**names, **others})


async def run(harness: KafkaHarness, *arguments: str) -> tuple[int, str, str]:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "triage_worker", "doctor", "--bootstrap", harness.bootstrap, *arguments],
        cwd=ROOT,
        env=environment(output_topic=harness.output, fallback_topic=harness.fallback, threads="1"),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def list_groups(client: Any) -> Sequence[object]:
    """Which the stubs of aiokafka do not have, since nothing else needs it."""
    return sorted(await client.list_consumer_groups())


async def state(harness: KafkaHarness) -> tuple[Sequence[object], Sequence[str]]:
    async with admin.admin_client(harness.bootstrap) as client:
        return await list_groups(client), sorted(await client.list_topics())


async def test_the_command_reads_a_topic_and_changes_nothing(harness: KafkaHarness) -> None:
    await fill(harness, [*as_json(payloads.chat, 130), b"{", None], compression_type="zstd")
    before = await state(harness)
    code, out, err = await run(harness, "--topic", harness.input, "--json")
    assert code == 0, out + err
    assert err == ""
    found = json.loads(out)
    assert found["records"] == 100
    assert found["offsets"] == 132
    assert found["settings"]["TRIAGE_TEXT_FIELD"] == "payload.body.text"
    assert found["settings"]["TRIAGE_BOOTSTRAP_SERVERS"] == harness.bootstrap
    assert found["messages"] + sum(found["dead_letters"].values()) == 100
    assert len(found["decisions"]) == 5
    messages = [check["message"] for check in found["checks"]]
    assert any("compressed by zstd" in message for message in messages)
    assert any("customer.messages.dlq does not exist yet" in message for message in messages)
    assert await state(harness) == before
    assert len(await harness.read(harness.input)) == 132


async def test_aborted_records_are_none_and_those_before_them_are_found(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=1)
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) as producer:
        for number in range(2):
            await producer.begin_transaction()
            for value in as_json(payloads.plain, 150):
                await producer.send(harness.input, value if number == 0 else b"aborted")
            await (producer.abort_transaction() if number else producer.commit_transaction())
    gathered = await gather(settings_of(harness), 100, 60)
    assert len(gathered.sample.records) == 100
    assert all(record.value != b"aborted" for record in gathered.sample.records)
    found = await asyncio.to_thread(conclude, settings_of(harness), gathered)
    assert found.proposal.values == {}
    assert len(found.read) == 100


async def test_nothing_to_read_is_said_in_a_sentence_for_each_case(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=2)
    with pytest.raises(NothingToReadError, match=rf"The topic {harness.input} \(2 partitions\) is empty"):
        await gather(settings_of(harness), 100, 20)
    with pytest.raises(ConfigError, match=rf"does not exist on .*: did you mean .*{harness.input}.*lists all topics"):
        await gather(settings_of(harness, input_topic=f"{harness.input}s"), 100, 20)
    await harness.produce([(b"a", None), (b"b", None)])
    with pytest.raises(NothingToReadError, match=r"All of the last 2 records on .* are null values"):
        await gather(settings_of(harness), 100, 20)


async def test_a_registry_that_does_not_answer_is_an_error_among_the_checks(
    harness: KafkaHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastavro", reason="needs the [registry] extra")
    monkeypatch.setattr(gathering, "REGISTRY_S", 1.0)
    await fill(harness, [b"\x00\x00\x00\x00\x07\x0ahello"] * 5)
    settings = settings_of(harness, schema_registry_url="http://127.0.0.1:1")
    found = await asyncio.to_thread(conclude, settings, await gather(settings, 100, 20))
    assert found.checks[0].kind == "error"
    assert "the schema registry does not answer (" in found.checks[0].message
    assert found.proposal.trial.rejected == {"waits_for_schema": 5}
    without = settings_of(harness)
    found = await asyncio.to_thread(conclude, without, await gather(without, 100, 20))
    assert any("such as 7): set TRIAGE_SCHEMA_REGISTRY_URL" in check.message for check in found.checks)


async def test_topics_are_listed_with_what_they_look_like(harness: KafkaHarness) -> None:
    values = [*as_json(payloads.zendesk)] * 200  # only the largest topics of a broker are looked at
    await fill(harness, values)
    await harness.send(harness.output, [(None, value, []) for value in as_json(payloads.page_view)])
    lines = {line.topic: line for line in await list_topics(settings_of(harness, output_topic="elsewhere"), 120)}
    assert lines[harness.input].looks
    assert lines[harness.input].content == "JSON objects, a text in event.comment.body"
    assert (lines[harness.input].partitions, lines[harness.input].records) == (3, len(values))
    assert not lines[harness.output].looks
    assert lines[harness.fallback].content in {"empty", "written by Triage"}
    assert not any(name.startswith("__") for name in lines)


@pytest.mark.skipif(bool(os.environ.get("TRIAGE_TEST_BOOTSTRAP")), reason="needs a broker of its own")
async def test_it_needs_no_right_but_read_on_the_topic(services: SecuredServices) -> None:
    await services.send_messages("doctor", range(15))
    async with services.granted("doctor", documented_acls("doctor")):
        code, output = await services.run_command("doctor", "doctor", "--topic", services.kafka.input)
        assert code == 0, output
        assert "not shown to this user" in output
        assert "hush" not in output
    code, output = await services.run_command("doctor", "doctor", "--topic", services.kafka.input)
    assert code == 2
    assert f"Read on the topic {services.kafka.input}" in output


@pytest.mark.skipif(bool(os.environ.get("TRIAGE_TEST_BOOTSTRAP")), reason="needs a broker of its own")
async def test_it_says_what_the_workers_user_may_not_do_and_how_to_grant_it(services: SecuredServices) -> None:
    """Each command that it prints is what `docs/security.md` lists, and with all of them nothing is missing."""
    await services.send_messages("doctor's rights", range(15))
    await services.skip("worker", services.kafka.fallback)  # without groups no broker tells who may join one
    needed = documented_acls("worker")
    by_right = {(acl.operation, acl.kind, acl.name): acl for acl in needed}
    reading = [acl for acl in needed if acl.name == services.kafka.input]
    principal = "--command-config admin.properties --add --allow-principal User:worker"
    async with services.granted("worker", reading):
        commands = [command.partition(principal)[2] for command in await doctors_commands(services)]
        granted = [
            by_right[command.split()[1], kind, name]
            for command in commands
            for kind, name in re.findall(r"--(topic|group) (\S+)", command)
        ]
        assert sorted(granted) == sorted(acl for acl in needed if acl not in reading)
        group_only = [acl for acl in granted if acl.kind == "group"]
        async with services.granted("worker", [acl for acl in granted if acl.kind == "topic"]):
            found = await doctors_checks(services)
            assert [line for line in found if "may not write" in line] == []
            assert any(f"may not join the group {group_only[0].name}" in line for line in found)
            async with services.granted("worker", group_only):
                found = await doctors_checks(services)
    assert any(
        line.startswith("this user may write customer.intents, customer.intents.fallback and customer.messages.dlq")
        and line.endswith("join the group triage-worker")
        for line in found
    ), found
    assert [line for line in found if "may not" in line] == []


@pytest.mark.skipif(bool(os.environ.get("TRIAGE_TEST_BOOTSTRAP")), reason="needs a broker of its own")
async def test_it_says_whether_missing_topics_may_be_created_and_creates_none(services: SecuredServices) -> None:
    await services.send_messages("doctor's topics", range(15))
    names = {"output_topic": "missing.intents", "dead_letter_topic": "missing.dlq"}
    seen = [Acl("topic", name, False, "Describe") for name in names.values()]
    creating = [Acl("topic", name, False, "Create") for name in names.values()]
    reading = [acl for acl in documented_acls("doctor") if acl.name == services.kafka.input]
    async with services.granted("doctor", [*reading, *seen]):
        found = await doctors_checks(services, "doctor", **names)
        assert any("may not create missing.intents and missing.dlq" in line for line in found), found
        async with services.granted("doctor", creating):
            found = await doctors_checks(services, "doctor", **names)
            assert [line for line in found if "may not create" in line] == []
    async with admin.admin_client(services.kafka.bootstrap) as client:
        assert set(names.values()) & set(await client.list_topics()) == set()


async def doctors_commands(services: SecuredServices) -> list[str]:
    """The commands of the doctor's checks, as the worker."""
    settings = Settings.load(**services.broker.login("worker"), input_topic=services.kafka.input)
    return [check.command for check in (await gather(settings, 100, 60)).checks if check.command is not None]


async def doctors_checks(services: SecuredServices, user: str = "worker", **names: str) -> list[str]:
    """The messages of the doctor's checks, as a user."""
    settings = Settings.load(**services.broker.login(user), input_topic=services.kafka.input, **names)
    return [check.message for check in (await gather(settings, 100, 60)).checks]
