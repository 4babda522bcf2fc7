"""``triage cost``: turns messages a day into pods and money, next to language models."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer
from triage_models.metrics import prices
from triage_models.metrics.prices import LanguageModel, Machine
from triage_models.metrics.running_cost import (
    ALONE_PROMPT,
    FALLBACK_PROMPT,
    MESSAGE_TOKENS,
    Comparison,
    Deployment,
    SelfHosted,
    Traffic,
    compare,
)

from triage_worker.config.errors import ConfigError

NAME = 38
"""Width of the first column."""


def cost(
    messages_per_day: Annotated[float, typer.Option(min=1, help="Messages a day")] = 1_000_000,
    peak_to_mean: Annotated[float, typer.Option(min=1, help="The busiest minutes, as a multiple of the average")] = 3.0,
    message_tokens: Annotated[
        int, typer.Option(min=1, help="Length of a message, in tokens of a language model")
    ] = MESSAGE_TOKENS,
    rate: Annotated[
        float, typer.Option(min=1, help="Messages a second of one core that is always busy; `triage bench` measures it")
    ] = 400.0,
    cores: Annotated[float, typer.Option(min=0.1, help="Cores of a worker pod")] = 2.0,
    utilization: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of their rate that pods and GPUs are given at the peak")
    ] = 0.7,
    replicas: Annotated[int, typer.Option(min=1, help="The fewest worker pods, and the fewest GPUs")] = 2,
    other_cores: Annotated[float, typer.Option(min=0, help="Cores of router and fallback together")] = 0.75,
    allocatable: Annotated[
        float, typer.Option(min=0.1, max=1, help="Share of a machine's cores that pods get; the system has the rest")
    ] = 0.9,
    refused: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the messages that the model refuses, and the LLM gets")
    ] = 0.17,
    machine_price: Annotated[
        float | None,
        typer.Option(min=0.0001, help="Your machine's price, in dollars an hour, in place of the list prices"),
    ] = None,
    machine_cores: Annotated[
        float, typer.Option(min=0.1, help="Its physical cores: two virtual CPUs are often one core")
    ] = 2.0,
    llm_price_input: Annotated[
        float | None, typer.Option(min=0, help="Your LLM's price of a million tokens in, in place of the list prices")
    ] = None,
    llm_price_output: Annotated[float | None, typer.Option(min=0, help="The same of a million tokens out")] = None,
    gpu_price: Annotated[
        float, typer.Option(min=0.0001, help="Price of a machine with a GPU for an 8B model, in dollars an hour")
    ] = prices.GPU.dollars_per_hour,
    gpu_tokens_per_second: Annotated[
        float, typer.Option(min=1, help="Tokens a second of that model, in and out together, on a busy GPU")
    ] = prices.GPU_TOKENS_PER_SECOND,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Turn messages a day into pods and dollars a month, next to language models at their list prices.

    Counted are worker, router, fallback and LLM calls; Kafka, the cluster, disks, traffic and people are not.
    """
    if (llm_price_input is None) != (llm_price_output is None):
        raise ConfigError("An LLM has two prices: give both --llm-price-input and --llm-price-output.")
    if llm_price_input == llm_price_output == 0:
        raise ConfigError("An LLM that costs nothing cannot be compared: give one of its two prices more than 0.")
    traffic = Traffic(messages_per_day, peak_to_mean, message_tokens)
    deployment = Deployment(rate, cores, utilization, replicas, other_cores, allocatable, refused)
    machines = prices.MACHINES
    if machine_price is not None:
        machines = (Machine("your machine", machine_cores, machine_price, "given"),)
    models = prices.LANGUAGE_MODELS
    if llm_price_input is not None and llm_price_output is not None:
        models = (LanguageModel("your LLM", llm_price_input, llm_price_output, "given"),)
    gpu = prices.GPU if gpu_price == prices.GPU.dollars_per_hour else Machine("your GPU", 1, gpu_price, "given")
    hosted = SelfHosted(gpu, gpu_tokens_per_second, utilization, replicas)
    dearest = max(machines, key=lambda machine: deployment.dollars_per_month(traffic, machine))
    candidates: list[LanguageModel | SelfHosted] = [*models, hosted]
    rows = [compare(traffic, deployment, dearest, candidate) for candidate in candidates]
    if as_json:
        answer = _figures(traffic, deployment, machines, rows) | {"prices": _sources((*machines, *models, gpu))}
        typer.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2))
        return
    for line in _lines(traffic, deployment, machines, dearest, rows):
        typer.echo(line.rstrip())
    typer.echo(f"The 8B model for each message runs on {hosted.machines(traffic, ALONE_PROMPT):,} x {gpu.name}.")


def _lines(
    traffic: Traffic,
    deployment: Deployment,
    machines: Sequence[Machine],
    dearest: Machine,
    rows: Sequence[Comparison],
) -> Iterator[str]:
    pods = deployment.pods(traffic)
    yield (
        f"{traffic.messages_per_day:,.0f} messages a day: {traffic.mean_per_second:,.1f} a second, "
        f"{traffic.peak_per_second:,.1f} at the peak"
    )
    yield (
        f"{pods:,} worker pods of {deployment.cores:g} cores, {deployment.pod_rate:,.0f} messages a second each; "
        f"{deployment.other_cores:g} cores for router and fallback"
    )
    yield ""
    yield f"{'dollars a month':{NAME}} {'the pods':>12}"
    for machine in machines:
        yield f"{machine.name:{NAME}} {_money(deployment.dollars_per_month(traffic, machine))}"
    asked, alone = traffic.tokens(FALLBACK_PROMPT), traffic.tokens(ALONE_PROMPT)
    yield ""
    yield f"{'dollars a month':{NAME}} {'LLM alone,':>12} {'LLM alone':>12} {'LLM for the':>12} {'pods and':>12}"
    yield (
        f"{'':{NAME}} {'least prompt':>12} {f'{alone.prompt} tokens':>12} {f'{deployment.refused:.0%} refused':>12} "
        f"{'that LLM':>12} {'of alone':>9}"
    )
    for row in rows:
        money = " ".join(map(_money, (row.shortest, row.alone, row.calls, row.together)))
        yield f"{row.name:{NAME}} {money} {row.share:>9.1%}"
    yield ""
    yield f"Pods on {dearest.name}, the dearest. A refused message takes {asked.prompt} tokens in, {asked.answer} out."


def _money(dollars: float | None) -> str:
    if dollars is None:
        return f"{'-':>12}"
    return f"{dollars:>12,.0f}" if dollars >= 10 else f"{dollars:>12,.2f}"


def _figures(
    traffic: Traffic, deployment: Deployment, machines: Sequence[Machine], rows: Sequence[Comparison]
) -> dict[str, Any]:
    return {
        "messages_per_day": traffic.messages_per_day,
        "messages_per_second": traffic.mean_per_second,
        "peak_messages_per_second": traffic.peak_per_second,
        "pods": deployment.pods(traffic),
        "pods_dollars_per_month": {
            machine.name: deployment.dollars_per_month(traffic, machine) for machine in machines
        },
        "dollars_per_month": {row.name: {**row._asdict(), "share": row.share} for row in rows},
    }


def _sources(listed: Sequence[Machine | LanguageModel]) -> list[dict[str, Any]]:
    return [asdict(one) for one in listed]
