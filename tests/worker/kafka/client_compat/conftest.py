import pytest

from tests.unpatched import undo_patches


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka without the patches."""
    undo_patches(monkeypatch)
