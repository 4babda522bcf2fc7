"""Session fixtures: a tiny base model, its training data, and a bundle trained on it once for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.tiny import tiny_rows, train_tiny, write_base, write_csv


@pytest.fixture
def threads_restored() -> Iterator[None]:
    """Restore the number of torch threads, which a training changes."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DistilBERT of 2 layers x 48 with the packaged tokenizer."""
    pytest.importorskip("torch", reason="needs the [train] extra")
    return write_base(tmp_path_factory.mktemp("base") / "tiny-distilbert")


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 rows: four intents and out of scope."""
    return write_csv(tmp_path_factory.mktemp("rows") / "rows.csv", tiny_rows())


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """A bundle trained on 120 rows. It is read-only: tests copy it to damage it."""
    return train_tiny(tmp_path_factory.mktemp("bundle"), tiny_base)
