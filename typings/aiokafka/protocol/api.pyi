from typing import Any, ClassVar

from .types import Schema

class Request:
    API_KEY: ClassVar[int]
    _CLASSES: ClassVar[tuple[type[RequestStruct], ...]]
    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any: ...

class RequestStruct:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    RESPONSE_TYPE: ClassVar[type[Response]]
    SCHEMA: ClassVar[Schema]

class Response:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    SCHEMA: ClassVar[Schema]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    # The fields differ from one version of a response to the next.
    def __getattr__(self, name: str) -> Any: ...
