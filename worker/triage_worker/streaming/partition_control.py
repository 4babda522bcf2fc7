"""Does what a delivery asks of the consumer: pauses, restarts and resumes partitions."""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from triage_worker.streaming.delivery.delivery import PartitionRequest
from triage_worker.streaming.tracking.in_flight import InFlightMessages


class PartitionControl:
    """Serves the requests of a delivery, several at once.

    Args:
        requests: from the delivery.
        in_flight: whose partitions are restarted.
    """

    def __init__(self, requests: "asyncio.Queue[PartitionRequest]", in_flight: InFlightMessages) -> None:
        self._requests = requests
        self._in_flight = in_flight

    async def run(self, client: AIOKafkaConsumer) -> None:
        """Serve requests until cancelled.

        Args:
            client: the consumer's client; a request is for the partitions that are assigned to it.
        """
        serving: set[asyncio.Task[None]] = set()
        try:
            while True:
                task = asyncio.create_task(self._serve(client, await self._requests.get()))
                serving.add(task)
                task.add_done_callback(serving.discard)
        finally:
            for task in serving:
                task.cancel()

    async def _serve(self, client: AIOKafkaConsumer, request: PartitionRequest) -> None:
        if request.done.done():
            return  # the partition was revoked meanwhile
        committed: int | None = None
        try:
            match request.action:
                case "pause":
                    client.pause(request.partition)
                case "restart":
                    self._restart(client, request.partition)
                case "resume":
                    committed = await self._resume(client, request)
        except Exception as error:
            if not request.done.done():
                request.done.set_exception(error)
        else:
            if not request.done.done():
                request.done.set_result(committed)

    def _restart(self, client: AIOKafkaConsumer, partition: TopicPartition) -> None:
        position = self._in_flight.offsets[partition].committable
        self._in_flight.restart(partition)
        if position is not None:
            client.seek(partition, position)  # applies where nothing was ever committed

    async def _resume(self, client: AIOKafkaConsumer, request: PartitionRequest) -> int | None:
        offset = await client.committed(request.partition)
        if request.done.done():
            return None  # revoked while the broker answered: the position belongs to another assignment
        if offset is not None:
            client.seek(request.partition, offset)
        client.resume(request.partition)
        return offset
