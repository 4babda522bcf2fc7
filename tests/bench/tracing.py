"""Measures the CPU time of spans per message: ``python -m tests.bench.tracing [--messages N]``.

It leaves out reading, inference and publishing, which cost the same with and without spans. The real exporter sends the
spans to a collector in another process, which discards them.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_worker.observability import tracing
from triage_worker.observability.tracing import Traces

from tests.worker.fakes import record

COLLECTOR = """
import http.server
class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
ROUNDS = 5


@contextmanager
def collector() -> Iterator[None]:
    """Run a collector, which the environment names as long as the context is open."""
    process = subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        yield
    finally:
        os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
        process.kill()
        process.wait()


def make_spans(traces: Traces | None, message: ConsumerRecord) -> None:
    """Do everything that spans add to one message."""
    span = tracing.begin(traces, message)
    if span is not None:
        span.about("m-1")
        span.mark("infer", batch_messages=8)
        span.mark("decided")
    tracing.outgoing(message.headers, span)
    if span is not None:
        span.end("accepted", "WISMO")


def microseconds(messages: int, flags: str) -> float:
    """CPU time per message, in microseconds: all threads, the last export included, the best of several rounds."""
    message = record(TopicPartition("in", 0), 0, b"{}")
    message.headers = [("traceparent", (TRACEPARENT + flags).encode())] if flags else []
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        with tracing.started("worker", "g") as traces:
            for number in range(messages):
                make_spans(traces, message)
                if traces is not None and flags == "01" and number % 500 == 499:
                    time.sleep(0.05)  # limits the rate, so that the exporter's queue does not overflow
        best = min(best, time.process_time() - started)
    return best / messages * 1e6


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    messages = parser.parse_args().messages
    figures = {"off": microseconds(messages, "01")}
    with collector():
        figures |= {
            "on, no trace": microseconds(messages, ""),
            "on, trace not recorded": microseconds(messages, "00"),
            "on, trace recorded": microseconds(messages, "01"),
        }
    print(orjson.dumps({name: round(value, 2) for name, value in figures.items()}).decode())


if __name__ == "__main__":
    main()
