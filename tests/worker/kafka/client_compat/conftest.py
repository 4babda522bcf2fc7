import gc
from collections.abc import Iterator

import pytest

from tests.unpatched import undo_patches


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka without the patches."""
    undo_patches(monkeypatch)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what a test leaves, such as futures that fail unseen: later, their log records disturb another test.

    Python 3.11 formats their tracebacks by parsing sources; within another `ast.parse` that ends in a `SystemError`.
    """
    yield
    gc.collect()
