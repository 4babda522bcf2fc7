"""Session fixtures of a real but tiny training, made once for all tests that need a bundle."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def threads_restored() -> Iterator[None]:
    """A training sets how many threads torch uses; the next test has as many as before."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DistilBERT of 2 layers x 48 with the packaged tokenizer."""
    pytest.importorskip("torch", reason="needs the [train] extra")
    from tests.models.tiny import write_base

    return write_base(tmp_path_factory.mktemp("base") / "tiny-distilbert")


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 rows: four intents and out of scope."""
    from tests.models.tiny import tiny_rows, write_csv

    return write_csv(tmp_path_factory.mktemp("rows") / "rows.csv", tiny_rows())


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """A bundle that `train` made of 120 rows. Nobody writes into it: copy it to damage it."""
    from tests.models.tiny import train_tiny

    return train_tiny(tmp_path_factory.mktemp("bundle"), tiny_base)
