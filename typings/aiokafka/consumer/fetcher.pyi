from collections.abc import Callable

from ..record.memory_records import _MemoryRecordsPy

# A class; client_compat puts a function in its place.
MemoryRecords: Callable[[bytes], _MemoryRecordsPy]
