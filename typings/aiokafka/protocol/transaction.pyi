from .api import Request

class AddPartitionsToTxnRequest(Request):
    def __init__(
        self, transactional_id: str, producer_id: int, producer_epoch: int, topics: list[tuple[str, list[int]]]
    ) -> None: ...

class AddOffsetsToTxnRequest(Request):
    def __init__(self, transactional_id: str, producer_id: int, producer_epoch: int, group_id: str) -> None: ...

class EndTxnRequest(Request):
    def __init__(
        self, transactional_id: str, producer_id: int, producer_epoch: int, transaction_result: bool
    ) -> None: ...
