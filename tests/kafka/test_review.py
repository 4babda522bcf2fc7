"""The review at a real terminal, on a real Kafka."""

import asyncio
import os
import pty
import select
import subprocess
import sys
from collections import Counter

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka.harness import ROOT, Bench
from tests.records import json_of
from tests.worker.review.test_review import review

pytestmark = pytest.mark.kafka


class Terminal:
    """A process on a pseudo-terminal."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._screen = ""

    async def sees(self, words: str) -> None:
        """Wait for words that come after those seen before."""
        async with asyncio.timeout(60):
            while words not in self._screen:
                try:
                    self._screen += await asyncio.to_thread(self._shown)
                except OSError as ended:
                    raise AssertionError(f"no {words!r} in {self._screen!r}") from ended
        self._screen = self._screen.split(words, 1)[1]

    def _shown(self) -> str:
        """What came in the last moment; never waits for long, so that a failed test ends."""
        ready, _, _ = select.select([self._end], [], [], 0.2)
        return os.read(self._end, 65_536).decode(errors="replace") if ready else ""

    def press(self, key: str) -> None:
        os.write(self._end, key.encode())

    async def left(self) -> int:
        code = await asyncio.to_thread(self.process.wait, 30)
        os.close(self._end)
        return code


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_one_key_a_message(bench: Bench, delivery: str) -> None:
    await bench.create_topics(partitions=1)
    labels = f"labels-{bench.group}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(labels, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap) as producer:
        for number in range(4):
            await producer.send_and_wait(bench.input, review(f"message-{number}", number).write(), key=b"k")
    settings = {
        "BOOTSTRAP_SERVERS": bench.bootstrap,
        "REVIEW_TOPIC": bench.input,
        "INPUT_TOPIC": bench.fallback,
        "FALLBACK_TOPIC": f"unused-{bench.group}",
        "OUTPUT_TOPIC": bench.output,
        "LABELS_TOPIC": labels,
        "DEAD_LETTER_TOPIC": bench.dead_letters,
        "DELIVERY": delivery,
        "GROUP_ID": bench.group,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    environment = inherited | {"TERM": "dumb", "COLUMNS": "100"} | {f"TRIAGE_{k}": v for k, v in settings.items()}
    terminal = Terminal([sys.executable, "-m", "triage_worker", "review"], environment)
    for number, key in enumerate("1-0"):
        await terminal.sees(f"message-{number}")
        await terminal.sees("leave")
        terminal.press(key)
        await terminal.sees("→")
    await terminal.sees("message-3")
    terminal.press("q")
    await terminal.sees("2 decided, 1 put off.")
    assert await terminal.left() == 0
    decided = [json_of(record) for record in await bench.read(bench.output)]
    assert [(value["source"]["offset"], value["intent"]) for value in decided] == [(0, "WISMO")]
    learned = [json_of(record) for record in await bench.read(labels)]
    assert [(value["source"]["offset"], value["label"]) for value in learned] == [(0, "WISMO"), (2, "OOS")]
    texts = [json_of(record)["text"] for record in await bench.read(bench.input)]
    assert Counter(texts) == {"message-0": 1, "message-1": 2, "message-2": 1, "message-3": 1}
    again = Terminal([sys.executable, "-m", "triage_worker", "review"], environment)
    await again.sees("message-3")
    await again.sees("leave")
    again.press("4")
    await again.sees("message-1")
    again.press("q")
    await again.sees("1 decided, 0 put off.")
    assert await again.left() == 0
