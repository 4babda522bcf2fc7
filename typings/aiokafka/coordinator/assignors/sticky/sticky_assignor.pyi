from collections.abc import Iterable, Mapping
from typing import Any

from ....structs import TopicPartition
from ...protocol import ConsumerProtocolMemberAssignment

class StickyPartitionAssignor:
    @classmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, ConsumerProtocolMemberAssignment]: ...
    @classmethod
    def parse_member_metadata(cls, metadata: Any) -> Any: ...
    @classmethod
    def _metadata(
        cls, topics: Iterable[str], member_assignment_partitions: list[TopicPartition] | None, generation: int = -1
    ) -> Any: ...
