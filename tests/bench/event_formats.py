"""Measures how fast the worker's events are written in each output format: ``python -m tests.bench.event_formats``.

It prints events per second of CPU time, as the median of several rounds that take turns, the ratio to plain JSON, and
the bytes of a value. Sending is not measured.
"""

from statistics import median
from time import process_time

from triage_schemas.cloudevents import timestamp
from triage_schemas.encoding import JSON, AvroEncoding, EventEncoding, FramedJsonEncoding
from triage_schemas.events import Event, FallbackEvent, IntentEvent
from triage_schemas.messages.message import CustomerMessage, Source
from triage_schemas.records import IntentWriter, Prediction

EVENTS = 5_000
ROUNDS = 7
LABELS = [f"INTENT_{number}" for number in range(9)]
DESCRIPTIONS = dict.fromkeys(LABELS, "what a customer wants who asks for this")
MESSAGE = CustomerMessage(
    "My order 4711 has not arrived yet, where is it?", "m-1", "c-1", "u-1", "chat", "en", None, {"tier": "gold", "n": 3}
)
PREDICTION = Prediction(
    LABELS[0], 0.93, {label: 0.9 / (number + 1) for number, label in enumerate(LABELS)}, 0.8, False, "low_confidence"
)
IDS: dict[type[Event], int] = {IntentEvent: 1, FallbackEvent: 2}


def main() -> None:
    """Print a line for each format and event."""
    encodings: dict[str, EventEncoding] = {
        "json": JSON,
        "json_schema": FramedJsonEncoding(IDS),
        "avro": AvroEncoding(IDS),
    }
    writers = {
        name: IntentWriter(
            name="ecommerce",
            version="1",
            threshold=0.8,
            descriptions=DESCRIPTIONS,
            include_text=False,
            encoding=encoding,
        )
        for name, encoding in encodings.items()
    }
    for kind in ("accepted", "fallback"):
        rates = {name: list[float]() for name in writers}
        for _ in range(ROUNDS):
            for name, writer in writers.items():
                rates[name].append(_events_per_second(writer, kind))
        for name, writer in writers.items():
            rate, ratio = median(rates[name]), median(rates[name]) / median(rates["json"])
            print(f"{kind:9} {name:12} {rate:9,.0f} events/s  {ratio:5.2f} × json  {_size(writer, kind):5} bytes")


def _events_per_second(writer: IntentWriter, kind: str) -> float:
    write, at = getattr(writer, kind), timestamp(1_767_700_000.123)
    started = process_time()
    for offset in range(EVENTS):
        write(MESSAGE, Source("customer.messages", 3, offset), PREDICTION, at, [])
    return EVENTS / (process_time() - started)


def _size(writer: IntentWriter, kind: str) -> int:
    record = getattr(writer, kind)(MESSAGE, Source("customer.messages", 3, 1), PREDICTION, timestamp(1e9), [])
    return len(record.value)


if __name__ == "__main__":
    main()
