from collections.abc import Sequence

class NewPartitions:
    def __init__(self, total_count: int, new_assignments: Sequence[Sequence[int]] | None = None) -> None: ...
