"""The classifier that serves: tokenizers and ONNX Runtime, no torch."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.bundle import CPU_MODEL, GPU_MODEL, Bundle
from models.decision import Decision, Floats, decide
from models.errors import BundleError, DeviceError

Device = Literal["auto", "cpu", "cuda"]
CLASSIFY_TOKENS = 2048
"""Padded tokens a batch in `Classifier.classify`: large enough to be fast, small enough to stay in cache."""


class Encoded(NamedTuple):
    """One text as token ids, special tokens included, and whether it had to be cut."""

    ids: list[int]
    truncated: bool


class Outputs(NamedTuple):
    """What the network says of a batch: logits ``[B, C]``, and cosine similarity ``[B, C]`` to each class."""

    logits: Floats
    similarity: Floats


class Classifier:
    """A bundle, ready to classify.

    One ONNX Runtime session with one thread a run serves all callers: `infer` may be called from as many threads
    as there are cores, which share the weights and do not wait for one another.
    """

    def __init__(self, bundle: Bundle, tokenizer: Tokenizer, session: ort.InferenceSession, threads: int) -> None:
        self.bundle = bundle
        self.threads = threads
        self._tokenizer = tokenizer
        self._session = session
        self._pad = _pad_id(tokenizer)

    @classmethod
    def open(
        cls, path: Path | str, *, device: Device = "auto", threads: int | None = None, verify: bool = True
    ) -> "Classifier":
        """Open a bundle on a device and replay its golden texts there.

        Args:
            path: the bundle's folder.
            device: "cuda" refuses to start where the CUDA provider is not active; "auto" takes it when it is.
            threads: how many callers will run at once; None is the number of usable cores.
            verify: check hashes and golden texts; turn off only where that was just done.

        Raises:
            BundleError: damaged, incomplete, or not reproducing its golden texts here.
            DeviceError: CUDA was asked for and is not active.
        """
        bundle = Bundle.open(path, verify=verify)
        tokenizer = _open_tokenizer(bundle)
        model, session = _open_session(bundle, device)
        classifier = cls(bundle, tokenizer, session, threads or usable_cores())
        if verify:
            classifier._replay_golden(model)
        return classifier

    @property
    def device(self) -> str:
        """ "cuda" or "cpu": where the session really runs."""
        return "cuda" if self._session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Texts as token ids, cut at the bundle's maximum length. Releases the GIL."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [Encoded(encoding.ids, bool(encoding.overflowing)) for encoding in encodings]

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network on one batch, padded to its longest row; thread-safe, releases the GIL."""
        lengths = np.fromiter((len(row.ids) for row in batch), dtype=np.int64, count=len(batch))
        mask = (np.arange(lengths.max(initial=1)) < lengths[:, None]).astype(np.int64)
        ids = np.full(mask.shape, self._pad, dtype=np.int64)
        ids[mask.astype(bool)] = np.concatenate([row.ids for row in batch])
        logits, similarity = self.run_arrays(ids, mask)
        return Outputs(logits, similarity)

    def run_arrays(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """The bare session on padded ids and mask, both ``[B, T]``: what `infer` costs is measured against this."""
        logits, similarity = self._session.run(["logits", "similarity"], {"input_ids": ids, "attention_mask": mask})
        return logits, similarity

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]:
        """One decision a row."""
        return decide(self.bundle.manifest, outputs.logits, outputs.similarity, [row.truncated for row in batch])

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        """Decisions for any number of texts, in their order."""
        encoded = self.encode(texts)
        outputs = self.outputs(encoded)
        return self.decide(encoded, outputs) if encoded else []

    def outputs(self, encoded: Sequence[Encoded]) -> Outputs:
        """`infer` for any number of rows: sorted by length and cut into batches, then put back in order."""
        classes = len(self.bundle.classes)
        logits = np.empty((len(encoded), classes), dtype=np.float32)
        similarity = np.empty_like(logits)
        order = sorted(range(len(encoded)), key=lambda row: len(encoded[row].ids))
        start = 0
        while start < len(order):
            stop = _cut(encoded, order, start)
            rows = order[start:stop]
            logits[rows], similarity[rows] = self.infer([encoded[row] for row in rows])
            start = stop
        return Outputs(logits, similarity)

    def _replay_golden(self, model: str) -> None:
        golden = self.bundle.manifest.golden.get(model)
        if golden is None:
            raise BundleError(f"The bundle {self.bundle.path} has no golden texts for {model}: train it anew.")
        logits = self.outputs(self.encode(golden.texts)).logits
        expected = np.asarray(golden.logits, dtype=np.float32)
        drift = float(np.abs(logits - expected).max())
        if not drift <= golden.tolerance:
            raise BundleError(
                f"{self.bundle.path / model} does not reproduce its golden texts on this machine: a logit is off by "
                f"{drift:.3g}, {golden.tolerance:.3g} is allowed. Copy the bundle again, or train it on such a machine."
            )


def usable_cores() -> int:
    """Cores this process may use: the smaller of its CPU affinity and its cgroup quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, cores if quota is None else min(cores, int(quota)))


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


def _cut(encoded: Sequence[Encoded], order: list[int], start: int) -> int:
    """End of the batch that begins at ``start``: as many rows as fit the token budget, at least one."""
    stop = start + 1
    while stop < len(order) and len(encoded[order[stop]].ids) * (stop + 1 - start) <= CLASSIFY_TOKENS:
        stop += 1
    return stop


def _open_tokenizer(bundle: Bundle) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(bundle.path / "tokenizer.json"))
    except Exception as error:  # the Rust tokenizer raises a bare Exception
        raise BundleError(f"{bundle.path / 'tokenizer.json'} cannot be read: {error}.") from error
    tokenizer.enable_truncation(bundle.max_length)
    tokenizer.no_padding()
    return tokenizer


def _open_session(bundle: Bundle, device: Device) -> tuple[str, ort.InferenceSession]:
    cuda = device != "cpu" and "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cuda" and not cuda:
        raise DeviceError(
            "TRIAGE_DEVICE=cuda, but this ONNX Runtime has no CUDA provider: install the [gpu] extra instead of "
            "onnxruntime, or set TRIAGE_DEVICE=auto."
        )
    model = GPU_MODEL if cuda else CPU_MODEL
    if cuda and not (bundle.path / GPU_MODEL).is_file():
        raise DeviceError(
            f"The bundle {bundle.path} has no {GPU_MODEL}: train it with the GPU file, or set TRIAGE_DEVICE=cpu."
        )
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda else ["CPUExecutionProvider"]
    try:
        session = ort.InferenceSession(str(bundle.path / model), _session_options(), providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise BundleError(f"{bundle.path / model} cannot be loaded: {error}") from error
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise DeviceError(
            "TRIAGE_DEVICE=cuda, but ONNX Runtime fell back to the CPU: check the driver and that its CUDA and cuDNN "
            "match onnxruntime-gpu, or set TRIAGE_DEVICE=auto."
        )
    return model, session


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _pad_id(tokenizer: Tokenizer) -> int:
    pad = tokenizer.token_to_id("[PAD]")
    return 0 if pad is None else int(pad)
