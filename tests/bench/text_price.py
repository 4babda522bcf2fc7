"""Measures what reading texts costs the worker: ``python -m tests.bench.text_price [--messages N] [--rounds N]``.

Two workers are put together in one process from the shipped bundle, as ``triage worker`` does, but without Kafka:
records go in, events come out. One finds languages and entities and cleans e-mails, in the other all three are off.
They take turns, batch by batch, with the same messages. What is compared is the CPU time of the whole process, so that
other work on the machine changes the ratio little. Kafka's clients would add the same to both, and so move the ratio
towards 1.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import islice

import orjson
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_models import DEFAULT_BUNDLE
from triage_models.benchmarks.emails.generate import emails
from triage_models.serving.classifier import Classifier
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.classify.wiring import assemble
from triage_worker.config.input_topics import input_sources
from triage_worker.config.settings import Settings
from triage_worker.demo.sample_records import sample_records
from triage_worker.inference.loaded_bundle import ALL
from triage_worker.observability.metrics import Metrics

from tests.worker.fakes import ProcessorHarness, record

BATCH = 250
PARTITION = TopicPartition("in", 0)
ON: dict[str, object] = {"order_pattern": r"\b[A-Z]{2}-?\d{5,8}\b|#\d{4,8}"}
OFF: dict[str, object] = {"detect_language": False, "clean_email": False, "entities": "none"}
BAR = 0.93


def worker(switches: dict[str, object]) -> ProcessorHarness[ClassificationProcessor]:
    """Put a worker of one inference thread together."""
    settings = Settings.load(threads=1, remembered_texts=0, **switches)
    classifier = Classifier.open(DEFAULT_BUNDLE, device="cpu", threads=1, detect_language=False, clean_email=False)
    processor, components = assemble(settings, [(ALL, classifier)], Metrics(), sources=input_sources(settings))
    return ProcessorHarness(processor, components.in_flight, PARTITION)


async def cpu_s(harness: ProcessorHarness[ClassificationProcessor], records: Sequence[ConsumerRecord]) -> float:
    """Process records, and return the CPU time of the process meanwhile."""
    started = time.process_time()
    await harness.process({PARTITION: records})
    await harness.wait_for_outputs(len(records))
    took = time.process_time() - started
    for output in harness.outputs:
        harness.in_flight.acknowledge(output)
    harness.outputs.clear()
    return took


async def measure(values: Sequence[bytes], rounds: int, *, bar: float) -> float:
    """Print the price, and return the ratio of messages a second with everything on to those with it off."""
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(worker(switches)) for switches in (OFF, ON)]
        ratios: list[float] = []
        spent: list[list[float]] = [[], []]
        offset = 0
        for number in range(rounds + 1):
            seconds = [0.0, 0.0]
            for start in range(0, len(values), BATCH):
                batch = values[start : start + BATCH]
                records = [record(PARTITION, offset + place, value) for place, value in enumerate(batch)]
                offset += len(batch)
                for which in (0, 1) if (number + start // BATCH) % 2 else (1, 0):
                    seconds[which] += await cpu_s(both[which], records)
            if number:  # the first round warms up
                ratios.append(seconds[0] / seconds[1])
                for which in (0, 1):
                    spent[which].append(seconds[which] / len(values) * 1e6)
    ratio = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4)
    off_us, on_us = (statistics.median(one) for one in spent)
    print(f"  off: {off_us:.0f} µs of CPU time a message; on: {on_us:.0f} µs")
    print(f"  messages a second, on / off: {ratio:.3f} (quartiles {low:.3f} to {high:.3f}; at least {bar} wanted)")
    return ratio


def main() -> int:
    """Print the price for messages of a chat, and for e-mails; 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    values = list(islice((one.value for one in sample_records() if one.value), options.messages))
    print(f"{len(values)} messages of the demo, {options.rounds} rounds:")
    ratio = asyncio.run(measure(values, options.rounds, bar=BAR))
    mails = [orjson.dumps({"text": mail.text}) for mail in emails("rules", 200, ("en",))]
    print(f"{len(mails)} e-mails in English, which are longer where they are not cleaned:")
    asyncio.run(measure(mails, options.rounds, bar=0.0))
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
