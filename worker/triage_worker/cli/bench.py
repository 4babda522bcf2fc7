"""``triage bench``: how fast the worker is, beside what the network alone could do."""

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
    messages: Annotated[int, typer.Option(min=100, help="Messages in each round's backlog")] = 4_000,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of the worker and of the bare network")] = 5,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of each topic")] = 4,
    peer: Annotated[bool, typer.Option(help="Measure the plain loop, too; needs the train extra")] = True,
    machine_price: Annotated[float, typer.Option(min=0.001, help="Dollars an hour that this machine costs")] = 0.10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Measure messages a second beside raw ONNX Runtime, latency, memory and cost; a minute or two.

    On an embedded broker, or on that of --bootstrap-servers, with topics of its own that it deletes.
    """
    from triage_worker.bench.run import Options  # noqa: PLC0415 (keeps `triage --help` quick)
    from triage_worker.bench.run import bench as run  # noqa: PLC0415

    told = Console(stderr=True, highlight=False)
    external = settings.source("bootstrap_servers") == "flag"
    options = Options(messages, rounds, external, peer, partitions, machine_price, lambda text: told.print(f"{text} …"))
    try:
        result = asyncio.run(run(settings, options))
    except asyncio.CancelledError:
        raise typer.Exit(TERMINATED) from None
    if as_json:
        typer.echo(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right", style="bold")
    table.add_column(style="dim")
    for line in result.lines():
        table.add_row(*line)
    Console(highlight=False).print(table)
