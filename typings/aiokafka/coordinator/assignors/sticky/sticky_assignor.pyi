from collections.abc import Iterable, Mapping
from typing import Any

from ....structs import TopicPartition
from ...protocol import ConsumerProtocolMemberAssignment
from ..abstract import AbstractPartitionAssignor

class StickyPartitionAssignor(AbstractPartitionAssignor):
    name: str
    @classmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, ConsumerProtocolMemberAssignment]: ...
    @classmethod
    def metadata(cls, topics: Iterable[str]) -> Any: ...
    @classmethod
    def on_assignment(cls, assignment: Any) -> None: ...
    @classmethod
    def parse_member_metadata(cls, metadata: Any) -> Any: ...
    @classmethod
    def _metadata(
        cls, topics: Iterable[str], member_assignment_partitions: list[TopicPartition] | None, generation: int = -1
    ) -> Any: ...
