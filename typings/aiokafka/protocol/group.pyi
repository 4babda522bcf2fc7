from .api import Request

class JoinGroupRequest(Request):
    _group_protocols: list[tuple[str, bytes]]
    def __init__(
        self,
        group: str,
        session_timeout: int,
        rebalance_timeout: int,
        member_id: str,
        group_instance_id: str | None,
        protocol_type: str,
        group_protocols: list[tuple[str, bytes]],
    ) -> None: ...

class LeaveGroupRequest(Request):
    def __init__(self, group: str, member_id: str) -> None: ...

class SyncGroupRequest(Request):
    def __init__(
        self,
        group: str,
        generation_id: int,
        member_id: str,
        group_instance_id: str | None,
        group_assignment: list[tuple[str, bytes]],
    ) -> None: ...
