"""Runs brokers without holding up the other rehearsals of this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.kafka import broker
from tests.kafka.broker import Broker


@asynccontextmanager
async def running_cluster(
    folder: Path,
    nodes: int = 1,
    settings: Mapping[str, str] | None = None,
    *,
    prefixes: Sequence[Sequence[str]] = (),
    **more: Any,
) -> AsyncIterator[Sequence[Broker]]:
    """Run a cluster within the context.

    Args:
        folder: for its files.
        nodes: how many brokers.
        settings: of each broker.
        prefixes: for each broker, the command that runs it elsewhere; none runs all of them here.
        more: further arguments of `broker.cluster`.
    """
    brokers = await asyncio.to_thread(broker.cluster, folder, nodes, settings, **more)
    for node, prefix in zip(brokers, prefixes, strict=False):
        node.prefix = prefix
    try:
        for node in brokers:
            node.start()
        await asyncio.gather(*(asyncio.to_thread(node.wait) for node in brokers))
        yield brokers
    finally:
        await asyncio.gather(*(asyncio.to_thread(node.stop) for node in brokers))
