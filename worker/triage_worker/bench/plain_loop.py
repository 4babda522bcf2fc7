"""A plain loop for comparison: aiokafka and a transformers pipeline, one message at a time.

It runs the bundle's architecture and tokenizer in PyTorch. Its weights are random: speed does not depend on them, and
nothing checks its answers.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import torch
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
)
from triage_models.bundle.bundle import resolve_bundle_folder

from triage_worker.config.settings import Settings
from triage_worker.kafka.connection import connection_arguments

SLICE = 20
"""Messages whose rate is measured together."""


async def messages_per_second(settings: Settings, output_topic: str, messages: int, seconds: float) -> float:
    """Classify messages from the beginning of the input topic, and write the answers to ``output_topic``.

    Args:
        settings: the broker, the input topic and the bundle.
        output_topic: the topic of the answers; must not be one that the worker writes.
        messages: how many, a multiple of `SLICE`, at most as many as the topic holds.
        seconds: ends the loop after this time, if it is not done by then.

    Returns:
        Messages per second in the fastest `SLICE` of them. Other load on the machine can only slow the loop down, and
        it slows PyTorch's threads, which wait for one another, far more than the worker's.
    """
    classify = _pipeline(resolve_bundle_folder(settings.bundle.only), settings.threads)
    classify("the first call takes longer")
    consumer = AIOKafkaConsumer(
        settings.input_topic, **connection_arguments(settings), auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with consumer, AIOKafkaProducer(**connection_arguments(settings)) as producer:
        done, started, rates = 0, time.perf_counter(), [0.0]
        slice_started = started
        async for record in consumer:
            [best] = classify(orjson.loads(record.value or b"")["text"])
            await producer.send(output_topic, key=record.key, value=orjson.dumps(best))
            done += 1
            if done % SLICE == 0:
                now = time.perf_counter()
                rates.append(SLICE / (now - slice_started))
                slice_started = now
                if done >= messages or now - started > seconds:
                    break
        await producer.flush()
        return max(rates)


def _pipeline(bundle: Path, threads: int) -> Callable[[str], list[dict[str, Any]]]:
    """A pipeline from a text to ``[{"label", "score"}]``."""
    torch.set_num_threads(threads)
    from_config: Callable[..., Any] = AutoModelForSequenceClassification.from_config
    model = from_config(AutoConfig.from_pretrained(bundle)).float().eval()
    tokenizer: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer = tokenizer(tokenizer_file=str(bundle / "tokenizer.json"), pad_token="[PAD]", model_max_length=128)
    pipeline: Any = TextClassificationPipeline
    classify: Callable[[str], list[dict[str, Any]]] = pipeline(model=model, tokenizer=tokenizer, truncation=True)
    return classify
