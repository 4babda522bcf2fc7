"""The replay command on a real Kafka: dead letters go back to the input topic, unchanged and once."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from aiokafka.structs import ConsumerRecord

from tests.kafka.harness import ROOT, KafkaHarness, Message, environment, message
from tests.kafka.message_outcomes import Position

pytestmark = pytest.mark.kafka

HEADERS = [("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")]


class ReplayCommand:
    """Runs the command on the topics of a harness."""

    def __init__(self, harness: KafkaHarness) -> None:
        self.harness = harness
        self._environment = environment(bootstrap_servers=harness.bootstrap, dead_letter_topic=harness.dead_letters)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "triage_worker", "replay", *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def run(self, *arguments: str, code: int = 0) -> str:
        """Run the command, which must end with an exit code; returns what it printed."""
        process = self.start(*arguments)
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == code, out + err
        return out + err

    async def replayed(self, sent: Sequence[Position]) -> list[ConsumerRecord]:
        """Return the records of the input topic that are not among those that were sent first."""
        return [
            record
            for record in await self.harness.read(self.harness.input)
            if (record.partition, record.offset) not in sent
        ]


async def send_to_dead_letters(harness: KafkaHarness, messages: list[Message]) -> list[Position]:
    """Let a worker send what is unreadable to the dead letters; returns the messages' positions."""
    sent = await harness.produce(messages, headers=HEADERS)
    worker = harness.start()
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    return sent


def unreadable(count: int) -> list[Message]:
    return [(f"chat-{number % 7}".encode(), f'{{"text": "{number}'.encode()) for number in range(count)]


async def test_dead_letters_are_replayed_unchanged_and_once(harness: KafkaHarness) -> None:
    await harness.create_topics(dead_letters={"max.message.bytes": "2000"})
    large: Message = (b"large", b"x" * 5_000)
    messages: list[Message] = [
        *unreadable(30),
        (None, None),
        (b"k", None),
        (b"k", b"[]"),
        large,
        (b"k", message("good")),
    ]
    sent = await send_to_dead_letters(harness, messages)
    by_position = dict(zip(sent, messages, strict=True))
    replay = ReplayCommand(harness)
    counted = await replay.run("--dry-run")
    assert f"{harness.input}  not_json: 31 to send" in counted
    assert "34 to send." in counted
    assert "give --yes" in await replay.run(code=2)
    assert await replay.replayed(sent) == []
    assert "2 sent." in await replay.run("--yes", "--code", "null_value")
    assert "32 sent." in await replay.run("--yes")
    assert "sent before" in await replay.run("--yes")
    replayed = await replay.replayed(sent)
    expected = Counter(
        (partition, *record) for (partition, _), record in by_position.items() if record[1] != message("good")
    )
    assert Counter((record.partition, record.key, record.value) for record in replayed) == expected
    assert all(list(record.headers) == HEADERS for record in replayed)


async def test_two_replays_and_a_kill_send_every_dead_letter_once(harness: KafkaHarness) -> None:
    await harness.create_topics()
    sent = await send_to_dead_letters(harness, unreadable(3_000))
    replay = ReplayCommand(harness)
    async with harness.written_records() as written:
        before = await written()
        with replay.start("--yes") as killed:
            # The first of six transactions is enough: reading the whole topic would let all six pass.
            while await written() == before:
                assert killed.poll() is None
            killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    both = [replay.start("--yes"), replay.start("--yes")]
    for process in both:
        await asyncio.to_thread(process.communicate, timeout=90)
    assert 0 in [process.returncode for process in both], "the later replay fences the other one"
    replayed = await replay.replayed(sent)
    assert len(replayed) == 3_000
    assert len({(record.key, record.value) for record in replayed}) == 3_000
    by_key: dict[bytes | None, list[int]] = {}
    for record in replayed:
        by_key.setdefault(record.key, []).append(int((record.value or b"").removeprefix(b'{"text": "')))
    assert all(numbers == sorted(numbers) for numbers in by_key.values()), "the order of a conversation has changed"
