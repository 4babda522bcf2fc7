"""Tokenizer and network, from text to numbers: tokenizers and ONNX Runtime, no torch."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from triage_models.errors import BundleError, DeviceError
from triage_models.serving.decision import Floats

BATCH_TOKENS = 2048
"""Padded tokens a batch in `Engine.outputs`: enough to be fast, few enough to stay in cache."""


class Encoded(NamedTuple):
    """One text as token ids, special tokens included, and whether it had to be cut."""

    ids: list[int]
    truncated: bool


class Outputs(NamedTuple):
    """What the network says of a batch: logits ``[B, C]``, and cosine similarity ``[B, C]`` to each class."""

    logits: Floats
    similarity: Floats


class Engine:
    """One ONNX Runtime session, one thread a run, for as many callers as there are cores.

    Callers share the weights and do not wait for one another; N such callers are faster than one with N threads.
    """

    def __init__(self, tokenizer: Tokenizer, session: ort.InferenceSession) -> None:
        pad = tokenizer.token_to_id("[PAD]")
        self._tokenizer = tokenizer
        self._session = session
        self._pad = 0 if pad is None else int(pad)

    @classmethod
    def open(cls, folder: Path, model: str, max_length: int, *, cuda: bool = False) -> "Engine":
        """Open ``tokenizer.json`` and a model of a folder.

        Raises:
            BundleError: one of the two cannot be loaded.
            DeviceError: CUDA was asked for and is not active.
        """
        return cls(open_tokenizer(folder / "tokenizer.json", max_length), _open_session(folder / model, cuda))

    @property
    def device(self) -> str:
        """ "cuda" or "cpu": where the session really runs."""
        return "cuda" if self._session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Texts as token ids, cut at the maximum length. Releases the GIL."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [Encoded(encoding.ids, bool(encoding.overflowing)) for encoding in encodings]

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network on one batch, padded to its longest row; thread-safe, releases the GIL."""
        return self.run_arrays(*self.pad(batch))

    def pad(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids and mask ``[B, T]`` of a batch."""
        lengths = np.fromiter((len(row.ids) for row in batch), dtype=np.int64, count=len(batch))
        mask = np.arange(lengths.max(initial=1)) < lengths[:, None]
        ids = np.full(mask.shape, self._pad, dtype=np.int64)
        ids[mask] = np.fromiter((token for row in batch for token in row.ids), dtype=np.int64, count=lengths.sum())
        return ids, mask.astype(np.int64)

    def run_arrays(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Outputs:
        """The bare session on ids and mask ``[B, T]``: what the rest costs is measured against this."""
        return Outputs(*self._session.run(["logits", "similarity"], {"input_ids": ids, "attention_mask": mask}))

    def outputs(self, encoded: Sequence[Encoded]) -> Outputs:
        """`infer` for any number of rows: sorted by length, cut into batches, put back in order."""
        classes = self._session.get_outputs()[0].shape[1]
        logits = np.empty((len(encoded), classes), dtype=np.float32)
        similarity = np.empty_like(logits)
        for rows in sized_batches([len(row.ids) for row in encoded]):
            logits[rows], similarity[rows] = self.infer([encoded[row] for row in rows])
        return Outputs(logits, similarity)


def usable_cores() -> int:
    """Cores this process may use: the smaller of its CPU affinity and its cgroup quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, cores if quota is None else min(cores, int(quota)))


def cuda_available() -> bool:
    """Whether this ONNX Runtime was built with CUDA; says nothing of a driver."""
    return "CUDAExecutionProvider" in ort.get_available_providers()


def sized_batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Positions of all rows, shortest first, cut where rows times longest would pass ``tokens``."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and lengths[order[stop]] * (stop + 1 - start) <= tokens:
            stop += 1
        yield order[start:stop]
        start = stop


def open_tokenizer(file: Path, max_length: int) -> Tokenizer:
    """A ``tokenizer.json`` that cuts at ``max_length`` and does not pad.

    Raises:
        BundleError: it cannot be read.
    """
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the Rust tokenizer raises a bare Exception
        raise BundleError(f"{file} cannot be read: {error}.") from error
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    return tokenizer


def _open_session(file: Path, cuda: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda else ["CPUExecutionProvider"]
    try:
        session = ort.InferenceSession(str(file), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise BundleError(f"{file} cannot be loaded: {error}") from error
    if cuda and session.get_providers()[0] != "CUDAExecutionProvider":
        raise DeviceError(
            "CUDA was asked for, but ONNX Runtime fell back to the CPU: check the driver, and that its CUDA and cuDNN "
            "match onnxruntime-gpu, or set TRIAGE_DEVICE=cpu."
        )
    return session


def _cgroup_quota() -> float | None:
    """CPU quota in cores of this process's cgroup (v2, then v1); None where there is no limit."""
    v2 = Path("/sys/fs/cgroup/cpu.max")
    v1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    try:
        if v2.is_file():
            limit, period = v2.read_text().split()
            return None if limit == "max" else int(limit) / int(period)
        if v1.is_file():
            limit_us = int(v1.read_text())
            period_us = int(v1.with_name("cpu.cfs_period_us").read_text())
            return None if limit_us <= 0 else limit_us / period_us
    except (OSError, ValueError):
        return None
    return None
