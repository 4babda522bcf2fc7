"""Fuzzing of the decoder: ``python -m tests.schemas.input.fuzz --inputs 1000000 --seed 7``.

The demo's records and some nasty ones are mutated. Whatever comes in must be read or rejected by a known code, nothing
may raise, and what was read must be writable.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from triage_schemas.input.message import CustomerMessage, InputShape, Source, decode
from triage_schemas.records import IntentWriter, Judgement
from triage_worker.demo.sample import letters

NASTY = (b"[" * 3_000, b'{"a":' * 2_000, b'{"text":"\\ud83d\\ude00 x","metadata":{"a":1e5,"b":[1,{}]},"channel":7}')
TOKENS = (
    *(bytes([mark]) for mark in b'"\\{}[]:,\x00\x1f'),
    *(b"\\ud800", b"\xff", b"NaN", b"1e999", b"\xef\xbb\xbf", b"text", b"null", b"\xed\xa0\x80"),
)
SHAPES = (InputShape(), InputShape(format="text"), InputShape(text_path=("metadata", "shop")))
SOURCE = Source("customer.messages", 0, 0)
JUDGEMENT = Judgement("WISMO", 0.9, {"WISMO": 0.9}, 0.8, False, "ambiguous")


def outcomes(inputs: int, seed: int) -> "Counter[str]":
    """How many inputs were read ("ok") and how many were rejected, by code."""
    writer = IntentWriter(name="fuzz", version="1", threshold=0.5, descriptions={}, include_text=True)
    counts: Counter[str] = Counter()
    for number, value in enumerate(islice(values(seed), inputs)):
        message = decode(value, SOURCE, SHAPES[number % len(SHAPES)])
        if isinstance(message, CustomerMessage):
            writer.fallback(message, SOURCE, JUDGEMENT, "2025-01-01T00:00:00.000Z", [])
            counts["ok"] += 1
        else:
            counts[message.code] += 1
    return counts


def values(seed: int) -> Iterator[bytes]:
    """Mutated records, without end; the same for the same seed."""
    chance = random.Random(seed)
    seeds = [*NASTY, *(letter.value for letter in islice(letters(), 290) if letter.value)]
    while True:
        value = chance.choice(seeds)
        for _ in range(chance.randint(0, 4)):
            value = mutated(value, chance)
        yield value


def mutated(value: bytes, chance: random.Random) -> bytes:
    """One token put in, some bytes taken out, one changed, the end cut off, or a stretch doubled."""
    at = chance.randrange(len(value) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        return value[:at] + chance.choice(TOKENS) + value[at:]
    if kind == 1:
        return value[:at] + value[at + chance.randint(1, 8) :]
    if kind == 2:
        return value[:at] + chance.randbytes(1) + value[at + 1 :]
    if kind == 3:
        return value[:at]
    return value[:at] + value[max(0, at - 9) :]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    found = outcomes(arguments.inputs, arguments.seed)
    print(f"{found.total()} inputs, seed {arguments.seed}, all accounted for:")
    for code, count in found.most_common():
        print(f"  {code:<16} {count}")
