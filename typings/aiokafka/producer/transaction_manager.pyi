from asyncio import Future

from ..structs import TopicPartition

class TransactionManager:
    transactional_id: str | None
    _txn_partitions: set[TopicPartition]
    _txn_consumer_group: str | None
    @property
    def producer_id(self) -> int: ...
    @property
    def producer_epoch(self) -> int: ...
    def wait_for_transaction_end(self) -> Future[None] | None: ...
