from typing import Any

from .api import Request

class MetadataRequest(Request):
    _topics: list[str] | None
    def __init__(self, topics: list[str] | None = None, allow_auto_topic_creation: bool | None = None) -> None: ...
    def build(self, request_struct_class: Any) -> Any: ...
