from asyncio import Future

class TransactionManager:
    transactional_id: str | None
    def wait_for_transaction_end(self) -> Future[None] | None: ...
