from collections.abc import Iterable, Mapping
from typing import Any

from .abstract import AbstractPartitionAssignor

class RoundRobinPartitionAssignor(AbstractPartitionAssignor):
    name: str
    @classmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]: ...
    @classmethod
    def metadata(cls, topics: Iterable[str]) -> Any: ...
    @classmethod
    def on_assignment(cls, assignment: Any) -> None: ...
