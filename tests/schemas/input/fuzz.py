"""Fuzzing of the decoder: ``python -m tests.schemas.input.fuzz --inputs 1000000 --seed 7``.

It mutates the demo's records, change events and some hostile values. Every input must be accepted, skipped for a known
reason, or rejected with a known code; none may raise; and an accepted message must be writable.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import orjson
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected, Source
from triage_schemas.records import IntentWriter, Prediction
from triage_worker.demo.sample_records import sample_records

from tests.schemas.input.change_events.formats import FORMATS

HOSTILE = (b"[" * 3_000, b'{"a":' * 2_000, b'{"text":"\\ud83d\\ude00 x","metadata":{"a":1e5,"b":[1,{}]},"channel":7}')
TOKENS = (
    *(bytes([mark]) for mark in b'"\\{}[]:,\x00\x1f'),
    *(b"\\ud800", b"\xff", b"NaN", b"1e999", b"\xef\xbb\xbf", b"text", b"null", b"\xed\xa0\x80"),
)
PLAIN_SHAPES = (InputShape(), InputShape(format="text"), InputShape(text_path=("metadata", "shop")))
SHAPES = (
    *PLAIN_SHAPES * 5,
    *(InputShape(text_path=(*chosen.row.split("."), "text"), skip_unchanged=False) for chosen in FORMATS.values()),
)
SOURCE = Source("customer.messages", 0, 0)
PREDICTION = Prediction("WISMO", 0.9, {"WISMO": 0.9}, 0.8, False, "ambiguous")


def outcomes(inputs: int, seed: int) -> Counter[str]:
    """The number of accepted inputs ("ok"), of rejected ones by code, and of skipped ones by reason."""
    writer = IntentWriter(name="fuzz", version="1", threshold=0.5, descriptions={}, include_text=True)
    counts: Counter[str] = Counter()
    for number, value in enumerate(islice(values(seed), inputs)):
        message = decode(value, SOURCE, SHAPES[number % len(SHAPES)])
        if isinstance(message, CustomerMessage):
            writer.fallback(message, SOURCE, PREDICTION, "2025-01-01T00:00:00.000Z", [])
            counts["ok"] += 1
        else:
            counts[message.code if isinstance(message, Rejected) else message.reason] += 1
    return counts


def values(seed: int) -> Iterator[bytes]:
    """An endless sequence of mutated records, always the same for a seed."""
    rng = random.Random(seed)
    before, after = {"id": 7, "text": "a", "thread": [{"n": 1.5}]}, {"id": 7, "text": "b", "thread": []}
    changes = [
        orjson.dumps(chosen.change(*rows))
        for chosen in FORMATS.values()
        for rows in ((None, after), (before, after), (before, before), (after, None))
    ]
    seeds = [*HOSTILE, *changes, *(record.value for record in islice(sample_records(), 290) if record.value)]
    while True:
        value = rng.choice(seeds)
        for _ in range(rng.randint(0, 4)):
            value = mutated(value, rng)
        yield value


def mutated(value: bytes, rng: random.Random) -> bytes:
    """The value with a token inserted, some bytes removed, one byte changed, its end cut off, or a stretch repeated."""
    at = rng.randrange(len(value) + 1)
    kind = rng.randrange(5)
    if kind == 0:
        return value[:at] + rng.choice(TOKENS) + value[at:]
    if kind == 1:
        return value[:at] + value[at + rng.randint(1, 8) :]
    if kind == 2:
        return value[:at] + rng.randbytes(1) + value[at + 1 :]
    if kind == 3:
        return value[:at]
    return value[:at] + value[max(0, at - 9) :]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    counts = outcomes(arguments.inputs, arguments.seed)
    print(f"{counts.total()} inputs, seed {arguments.seed}, each accepted or rejected with a known code:")
    for code, count in counts.most_common():
        print(f"  {code:<16} {count}")
