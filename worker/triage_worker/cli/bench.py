"""``triage bench``: measures the worker's speed, next to raw ONNX Runtime."""

import asyncio
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from triage_worker.cli.settings_flags import CONNECTION, MODEL, settings_flags
from triage_worker.config.settings import Settings
from triage_worker.streaming.signals import TERMINATED


@settings_flags(["delivery", "batch_tokens", *MODEL, *CONNECTION])
def bench(
    settings: Settings,
    messages: Annotated[int, typer.Option(min=100, help="Messages in each round")] = 4_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the worker and of raw ONNX Runtime, in turns")] = 5,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of each topic")] = 4,
    peer: Annotated[
        bool, typer.Option(help="Also measure a plain loop of aiokafka and transformers; needs the train extra")
    ] = True,
    repeats: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of messages whose text came before; all others differ, and the worker remembers texts as it "
            "does by default. Without it each round has the same texts, and none is remembered",
        ),
    ] = None,
    machine_price: Annotated[float, typer.Option(min=0.001, help="Price of this machine, in dollars an hour")] = 0.10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Measure messages per second, latency, memory and cost, next to raw ONNX Runtime. Takes a minute or two.

    Runs on an embedded broker, or on the one of --bootstrap-servers, with topics of its own that it deletes.
    """
    from triage_worker.bench.report import lines  # noqa: PLC0415 (keeps `triage --help` fast)
    from triage_worker.bench.run import Options, run_benchmark  # noqa: PLC0415

    stages = Console(stderr=True, highlight=False)
    options = Options(
        messages,
        rounds,
        settings.source("bootstrap_servers") == "flag",
        peer,
        partitions,
        repeats,
        machine_price,
        lambda stage: stages.print(f"{stage} …"),
    )
    try:
        result = asyncio.run(run_benchmark(settings, options))
    except asyncio.CancelledError:
        raise typer.Exit(TERMINATED) from None
    if as_json:
        typer.echo(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right", style="bold")
    table.add_column(style="dim")
    for line in lines(result):
        table.add_row(*line)
    Console(highlight=False).print(table)
