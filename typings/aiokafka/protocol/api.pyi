from io import BytesIO
from typing import Any, ClassVar, Generic, Self

from typing_extensions import TypeVar

from .types import Schema

T = TypeVar("T", bound="RequestStruct", default=Any)

class Request(Generic[T]):
    API_KEY: ClassVar[int]
    _CLASSES: ClassVar[tuple[type[RequestStruct], ...]]
    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any: ...
    def build(self, request_struct_class: type[T]) -> T: ...

class RequestStruct:
    FLEXIBLE_VERSION: ClassVar[bool]
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    RESPONSE_TYPE: ClassVar[type[Response]]
    SCHEMA: ClassVar[Schema]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def encode(self) -> bytes: ...
    @classmethod
    def decode(cls, data: BytesIO | bytes) -> Self: ...

class Response:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    SCHEMA: ClassVar[Schema]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    # The fields differ from one version of a response to the next.
    def __getattr__(self, name: str) -> Any: ...
