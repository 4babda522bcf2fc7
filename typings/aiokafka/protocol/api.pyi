from typing import Any, ClassVar

class Request:
    API_KEY: ClassVar[int]
    _CLASSES: ClassVar[tuple[type[RequestStruct], ...]]

class RequestStruct:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]

class Response:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    # The fields differ from one version of a response to the next.
    def __getattr__(self, name: str) -> Any: ...
