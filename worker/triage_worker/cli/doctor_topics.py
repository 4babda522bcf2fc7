"""Prints the topics of a cluster, and how to go on."""

from rich.console import Console
from rich.table import Table

from triage_worker.config.settings import Settings
from triage_worker.doctor.overview import TopicLine


def print_topics(console: Console, settings: Settings, lines: list[TopicLine]) -> None:
    """Print the topics, those first that look like messages of customers.

    Args:
        console: where to print.
        settings: the cluster.
        lines: a line for each topic.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic", overflow="fold")
    table.add_column("partitions", justify="right")
    table.add_column("records", justify="right")
    table.add_column("looks like")
    for line in lines:
        looks = f"messages: {line.content}" if line.looks else line.content
        table.add_row(line.topic, str(line.partitions), f"{line.records:,}", looks, style="" if line.looks else "dim")
    console.print(table)
    console.print()
    best = next((line.topic for line in lines if line.looks), None)
    if best is None:
        console.print(
            "No topic looks like messages of customers. To look at one all the same: triage doctor --topic NAME"
        )
        return
    flag = "" if settings.source("bootstrap_servers") != "flag" else f" --bootstrap {settings.bootstrap_servers}"
    console.print("To go on, look at the topic with the messages:", soft_wrap=True)
    console.print(f"  triage doctor{flag} --topic {best}", soft_wrap=True)
