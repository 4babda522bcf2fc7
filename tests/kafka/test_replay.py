"""Dead letters and back, by the command, on a real Kafka."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from aiokafka.structs import ConsumerRecord

from tests.kafka.harness import ROOT, Bench, Message, message

pytestmark = pytest.mark.kafka

HEADERS = [("traceparent", b"00-aa-bb-01"), ("odd", b"\x00\xff")]


class Replays:
    """Runs the command against a bench's topics."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        settings = {"BOOTSTRAP_SERVERS": bench.bootstrap, "DEAD_LETTER_TOPIC": bench.dead_letters}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
        self._environment = inherited | {f"TRIAGE_{name}": value for name, value in settings.items()}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
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
        process = self.start(*arguments)
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == code, out + err
        return out + err

    async def sent_again(self, sent: list[tuple[int, int]]) -> list[ConsumerRecord]:
        """What is on the input besides what was there first."""
        return [r for r in await self.bench.read(self.bench.input) if (r.partition, r.offset) not in sent]


async def dead_letters(bench: Bench, messages: list[Message]) -> list[tuple[int, int]]:
    """Have a worker put aside what cannot be read."""
    sent = await bench.produce(messages, headers=HEADERS)
    worker = bench.worker()
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    return sent


def bad(count: int) -> list[Message]:
    return [(f"chat-{number % 7}".encode(), f'{{"text": "{number}'.encode()) for number in range(count)]


async def test_letters_go_back_as_they_were_and_once(bench: Bench) -> None:
    await bench.create_topics(dead_letters={"max.message.bytes": "2000"})
    large: Message = (b"large", b"x" * 5_000)
    messages: list[Message] = [*bad(30), (None, None), (b"k", None), (b"k", b"[]"), large, (b"k", message("good"))]
    sent = await dead_letters(bench, messages)
    places = dict(zip(sent, messages, strict=True))
    replays = Replays(bench)
    counted = await replays.run("--dry-run")
    assert f"{bench.input}  not_json: 31 to send" in counted
    assert "34 to send." in counted
    assert "say --yes" in await replays.run(code=2)
    assert await replays.sent_again(sent) == []
    assert "2 sent." in await replays.run("--yes", "--code", "null_value")
    assert "32 sent." in await replays.run("--yes")
    assert "sent before" in await replays.run("--yes")
    again = await replays.sent_again(sent)
    expected = Counter((place[0], *record) for place, record in places.items() if record[1] != message("good"))
    assert Counter((r.partition, r.key, r.value) for r in again) == expected
    assert all(list(r.headers) == HEADERS for r in again)


async def test_two_replays_and_a_kill_send_every_letter_once(bench: Bench) -> None:
    await bench.create_topics()
    sent = await dead_letters(bench, bad(3_000))
    replays = Replays(bench)
    victim = replays.start("--yes")
    while not await replays.sent_again(sent):
        assert victim.poll() is None
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=30)
    both = [replays.start("--yes"), replays.start("--yes")]
    for process in both:
        await asyncio.to_thread(process.communicate, timeout=90)
    assert 0 in [process.returncode for process in both], "the later one fences the other"
    again = await replays.sent_again(sent)
    assert len(again) == 3_000
    assert len({(r.key, r.value) for r in again}) == 3_000
    by_key: dict[bytes | None, list[int]] = {}
    for record in again:
        by_key.setdefault(record.key, []).append(int((record.value or b"").removeprefix(b'{"text": "')))
    assert all(numbers == sorted(numbers) for numbers in by_key.values()), "a conversation keeps its order"
