from typing import Any

from .api import Request, RequestStruct, Response

class CreateAclsRequest(Request):
    def __init__(
        self,
        resource_type: int,
        resource_name: str,
        resource_pattern_type_filter: int,
        principal: str,
        host: str,
        operation: int,
        permission_type: int,
    ) -> None: ...

class DeleteAclsRequest(Request):
    def __init__(
        self,
        resource_type: int,
        resource_name: str,
        resource_pattern_type_filter: int,
        principal: str,
        host: str,
        operation: int,
        permission_type: int,
    ) -> None: ...

class DescribeGroupsRequest_v3(RequestStruct): ...
class DescribeGroupsResponse_v3(Response): ...

class DescribeGroupsRequest(Request):
    def __init__(self, groups: list[str], include_authorized_operations: bool = False) -> None: ...

class AlterPartitionReassignmentsRequest(Request):
    def __init__(self, timeout_ms: int, topics: list[Any], tags: dict[int, bytes]) -> None: ...

class SaslAuthenticateRequest(Request):
    _payload: bytes
    def __init__(self, payload: bytes) -> None: ...
