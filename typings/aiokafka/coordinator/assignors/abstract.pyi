from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

class AbstractPartitionAssignor(ABC):
    name: str
    @classmethod
    @abstractmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]: ...
    @classmethod
    @abstractmethod
    def metadata(cls, topics: Iterable[str]) -> Any: ...
    @classmethod
    @abstractmethod
    def on_assignment(cls, assignment: Any) -> None: ...
