from asyncio import Task

class Sender:
    _retry_backoff: float
    @property
    def sender_task(self) -> Task[None] | None: ...
