import pytest

from tests.unpatched import take_patches_back


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka without the patches."""
    take_patches_back(monkeypatch)
