"""The loop that one would write first: aiokafka, a transformers pipeline, one message at a time.

It runs the bundle's architecture and tokenizer in PyTorch. Its weights are random, since speed does not depend on
them, and nothing is asked of its answers.
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
from triage_models.bundle.bundle import located

from triage_worker.config.settings import Settings
from triage_worker.kafka.connection import connection_arguments

SLICE = 20


async def messages_per_second(settings: Settings, output_topic: str, messages: int, seconds: float) -> float:
    """Classify messages from the beginning of the input topic, and write the answers to ``output_topic``.

    Args:
        settings: the broker, the input topic and the bundle.
        output_topic: where its answers go; not one of the worker's topics.
        messages: how many, a multiple of `SLICE`, at most as many as the topic holds.
        seconds: where those would take longer, it ends after this time.

    Returns:
        Messages/s in the fastest `SLICE` of them: other load can only slow one down, and it slows PyTorch's threads,
        which wait for one another, far more than it slows the worker.
    """
    classify = _pipeline(located(settings.bundle), settings.threads)
    classify("the first call takes longer")
    consumer = AIOKafkaConsumer(
        settings.input_topic, **connection_arguments(settings), auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with consumer, AIOKafkaProducer(**connection_arguments(settings)) as producer:
        done, started, rates = 0, time.perf_counter(), [0.0]
        begun = started
        async for record in consumer:
            [best] = classify(orjson.loads(record.value or b"")["text"])
            await producer.send(output_topic, key=record.key, value=orjson.dumps(best))
            done += 1
            if done % SLICE == 0:
                now = time.perf_counter()
                rates.append(SLICE / (now - begun))
                begun = now
                if done >= messages or now - started > seconds:
                    break
        await producer.flush()
        return max(rates)


def _pipeline(bundle: Path, threads: int) -> Callable[[str], list[dict[str, Any]]]:
    """Text in, ``[{"label", "score"}]`` out."""
    torch.set_num_threads(threads)
    make: Callable[..., Any] = AutoModelForSequenceClassification.from_config
    model = make(AutoConfig.from_pretrained(bundle)).float().eval()
    tokenizer: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer = tokenizer(tokenizer_file=str(bundle / "tokenizer.json"), pad_token="[PAD]", model_max_length=128)
    run: Any = TextClassificationPipeline
    classify: Callable[[str], list[dict[str, Any]]] = run(model=model, tokenizer=tokenizer, truncation=True)
    return classify
