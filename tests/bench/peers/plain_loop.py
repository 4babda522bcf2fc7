"""A loop of aiokafka and a transformers pipeline, one message at a time, with offsets committed by the client.

The pipeline runs the bundle's architecture in PyTorch with random weights, since speed does not depend on them.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
)


def pipeline(bundle: Path) -> Any:
    """Make a pipeline from a text to ``[{"label", "score"}]``."""
    make: Any = AutoModelForSequenceClassification.from_config
    tokenizer: Any = PreTrainedTokenizerFast
    classify: Any = TextClassificationPipeline
    return classify(
        model=make(AutoConfig.from_pretrained(bundle)).float().eval(),
        tokenizer=tokenizer(tokenizer_file=str(bundle / "tokenizer.json"), pad_token="[PAD]", model_max_length=64),
        truncation=True,
    )


async def main() -> None:
    """Run until killed."""
    classify = pipeline(Path(os.environ["PEER_BUNDLE"]))
    broker = os.environ["PEER_BROKER"]
    consumer = AIOKafkaConsumer(
        os.environ["PEER_INPUT"],
        bootstrap_servers=broker,
        group_id=os.environ["PEER_GROUP"],
        auto_offset_reset="earliest",
    )
    async with consumer, AIOKafkaProducer(bootstrap_servers=broker) as producer:
        async for record in consumer:
            [answer] = classify(orjson.loads(record.value or b"")["text"])
            await producer.send(os.environ["PEER_OUTPUT"], key=record.key, value=orjson.dumps(answer))


if __name__ == "__main__":
    asyncio.run(main())
