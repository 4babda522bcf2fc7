"""Measures `triage console` on a real Kafka and in Chromium: ``python -m tests.bench.console [--seconds N]``.

In turn, on one Kafka and one process of the console:

- messages that wait for people are put on the review topic: how long the console takes to have them;
- the first paint of every page, as Chromium measures it, while so many wait;
- a key that answers a message, until the event is on the topic of intents;
- CPU of the console while events about so many messages a second come, first those of the worker alone, then those of
  all services, and while somebody looks at the page Now; then the first paints and the answers again, under that load.

Kafka, the browser and the source of the events run on the same machine. CPU time says what the console needs; the times
depend on how busy the machine is, so the load is printed next to them.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bench.console.pages import addresses, answers_ms, paints_ms, percentile, signed_in
from tests.bench.console.setting import Bench, load, running
from tests.bench.console.traffic import Traffic, produce, send, waiting
from tests.browser.conftest import browser
from tests.browser.sample import TEXTS

QUEUED = 10_000_000
"""Offsets of the messages that wait from the beginning."""

FIRST = 100
"""Messages before the measurements, so that no page is empty."""

BAR_PAINT_MS, BAR_ANSWER_MS, BAR_CPU = 200.0, 300.0, 0.5
WAITING = "SELECT count(*) FROM reviews WHERE open = 1"
ANSWERED = "SELECT COALESCE(SUM(messages), 0) FROM counted WHERE stage = 'model'"

Figures = dict[str, Any]


async def fill_queue(bench: Bench, count: int) -> Figures:
    """Put messages on the review topic, and wait until the console has them."""
    began, cpu = time.perf_counter(), bench.cpu_s()
    for first in range(0, count, 2_000):
        numbers = range(QUEUED + first, QUEUED + min(first + 2_000, count))
        topic = bench.settings.review_topic
        await send(bench.producer, [(topic, str(one).encode(), waiting(one, random.choice(TEXTS))) for one in numbers])
    await bench.until(WAITING, count)
    some = [one for number in range(FIRST) for one in Traffic(bench.settings, whole=True).of(number, random.Random(1))]
    await send(bench.producer, some)
    return {
        "queue": count,
        "queue_s": time.perf_counter() - began,
        "queue_cpu_s": bench.cpu_s() - cpu,
        "memory_mib": bench.memory_mib(),
    }


async def times_of_people(bench: Bench, opened: Any, times: int) -> Figures:
    """Measure first paints and answers."""
    page = await signed_in(opened, bench)
    paints = {path: await paints_of(page, bench, path, times) for path in await addresses(page)}
    events, pages = await answers_ms(page, bench, times)
    await page.context.close()
    return {
        "load": load(),
        "paint_ms": paints,
        "answer_ms": both(events),
        "next_message_ms": both(pages),
    }


async def paints_of(page: Any, bench: Bench, path: str, times: int) -> dict[str, float]:
    """Measure the first paints of a page, the console's answers, and its CPU meanwhile, that of events included."""
    cpu = bench.cpu_s()
    found = await paints_ms(page, bench, path, times)
    own = {"answer_p95": percentile([own for _, own in found], 0.95), "cpu": 1_000 * (bench.cpu_s() - cpu) / times}
    return both([paint for paint, _ in found]) | own


def both(values: Sequence[float]) -> dict[str, float]:
    """Return the median, and what 95 % of the values do not exceed."""
    return {"p50": statistics.median(values), "p95": percentile(values, 0.95)}


@asynccontextmanager
async def busy(bench: Bench, opened: Any, *, whole: bool, per_second: float, first: int) -> AsyncIterator[list[int]]:
    """Produce events, and look at the page Now, while the context is open; the list gets the number of messages."""
    ending = asyncio.Event()
    counts: list[int] = []
    page = await signed_in(opened, bench)
    await page.goto(f"{bench.url}/now")
    traffic = Traffic(bench.settings, whole=whole)
    work = asyncio.create_task(
        produce(bench.producer, traffic, first=first, per_second=per_second, until=ending.is_set)
    )
    try:
        yield counts
    finally:
        ending.set()
        counts.append(await work)
        await page.context.close()


async def cpu_under_load(bench: Bench, seconds: float) -> Figures:
    """Measure the console while events come."""
    await asyncio.sleep(min(10.0, seconds / 4))  # until classes are loaded and the state has its first rows
    began, cpu, answered = time.perf_counter(), bench.cpu_s(), bench.rows(ANSWERED)
    await asyncio.sleep(seconds)
    passed = time.perf_counter() - began
    return {
        "load": load(),
        "seconds": passed,
        "cores": (bench.cpu_s() - cpu) / passed,
        "messages_per_second": (bench.rows(ANSWERED) - answered) / passed,
        "memory_mib": bench.memory_mib(),
    }


async def measure(queue: int, seconds: float, per_second: float, times: int) -> Figures:
    """Return all figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as bench, browser() as opened:
            found: Figures = {"per_second": per_second}

            async def stage(name: str, work: Awaitable[Figures]) -> None:
                print(f"{name} …", file=sys.stderr, flush=True)
                found[name] = await work
                print(f"{name} {json.dumps(found[name])}", file=sys.stderr, flush=True)

            await stage("filled", fill_queue(bench, queue))
            await stage("quiet", times_of_people(bench, opened, times))
            async with busy(bench, opened, whole=False, per_second=per_second, first=FIRST) as sent:
                await stage("worker", cpu_under_load(bench, seconds))
            async with busy(bench, opened, whole=True, per_second=per_second, first=FIRST + sent[0]) as more:
                await stage("services", cpu_under_load(bench, seconds))
                await stage("busy", times_of_people(bench, opened, times))
            found["messages"] = FIRST + sent[0] + more[0]
            await bench.until(ANSWERED, found["messages"])
            found["counted"], found["memory_mib"] = bench.rows(ANSWERED), bench.memory_mib()
    return found


def report(found: Figures) -> list[str]:
    """Return the figures as lines for a reader."""
    filled = found["filled"]
    lines = [
        f"{filled['queue']:,} messages wait: read in {filled['queue_s']:.0f} s, {filled['queue_cpu_s']:.0f} s of CPU, "
        f"{filled['memory_mib']:.0f} MiB"
    ]
    for name, when in (("quiet", "nothing else happens"), ("busy", f"{found['per_second']:,.0f} messages/s")):
        times = found[name]
        lines.append(f"{when}; load for each processor {times['load']:.1f}")
        lines += [
            f"  first paint {path:<18} p50 {ms['p50']:>5.0f} ms, p95 {ms['p95']:>5.0f} ms (bar {BAR_PAINT_MS:.0f}), "
            f"of which the console's answer {ms['answer_p95']:.0f} ms; its CPU meanwhile {ms['cpu']:.0f} ms"
            for path, ms in times["paint_ms"].items()
        ]
        answer, shown = times["answer_ms"], times["next_message_ms"]
        lines.append(
            f"  answer to its event            p50 {answer['p50']:>5.0f} ms, p95 {answer['p95']:>5.0f} ms (at most "
            f"{BAR_ANSWER_MS:.0f}); next message shown p95 {shown['p95']:.0f} ms"
        )
    for name, whose in (("worker", "the worker alone"), ("services", "all services")):
        one = found[name]
        lines.append(
            f"events of {whose}: {one['cores']:.2f} cores (under {BAR_CPU}) at {one['messages_per_second']:,.0f} "
            f"messages/s counted, {one['memory_mib']:.0f} MiB; load for each processor {one['load']:.1f}"
        )
    lines.append(f"{found['messages']:,} messages sent, {found['counted']:,} counted, {found['memory_mib']:.0f} MiB")
    return lines


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue", type=int, default=100_000, help="messages that wait for people")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each kind of traffic")
    parser.add_argument("--rate", type=float, default=1_500.0, help="messages a second")
    parser.add_argument("--times", type=int, default=40, help="first paints of each page, and answers")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    found = asyncio.run(measure(given.queue, given.seconds, given.rate, given.times))
    print(json.dumps(found) if given.json else "\n".join(report(found)))


if __name__ == "__main__":
    main()
