"""Turns text into logits: the tokenizer and an ONNX Runtime session. Needs neither torch nor transformers."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from triage_models.errors import BundleError, DeviceError
from triage_models.serving.decision import Floats
from triage_models.serving.sentences import end_of, sentences_of
from triage_models.text.language import Detection

BATCH_TOKENS = 2048
"""Padded tokens in a batch of `Engine.outputs`: enough to be fast, few enough to stay in the CPU's cache."""

CPU_PADDING = 16
"""Tokens of padding in a batch that cost less than one more batch does on a CPU."""

LONG_TEXT = 1024
"""Characters. Of a longer text the tokenizer reads a beginning, as it needs 110 bytes of memory per character."""

PIECES = 256  # sentences that the tokenizer reads at a time, of any number of texts: it needs as much memory for them
GROWTH = 8
"""How much longer the next beginning is, where one does not fill the model's maximum length."""

MAX_WINDOWS = 32
"""A text that does not fit into so many windows is not read to its end, and so never accepted: some 1,100 words."""

UNREAD_WINDOWS = 4
"""So many windows are run of a text that is not read to its end: enough to show an intent, as it is refused anyway."""

SEVERAL_SENTENCES = 4
"""A text of so many sentences may be read by sentence, too, if one window holds all of it: the wish is often one."""

OVERLAP = 16
"""Tokens that a window shares with the one before, so that no sentence is cut in every window that has it."""


class Encoded(NamedTuple):
    """One text as token ids, special tokens included.

    Attributes:
        ids: the first window: as many tokens as the model reads at once, or all of them.
        truncated: whether the text does not fit into `MAX_WINDOWS` windows.
        further: the other windows of a text that is longer than the first, and its end.
        automatic: whether no person wrote the text, so it has no intent.
        sentences: each sentence by itself, of a text that is longer than the first window or has several.
        language: what the text's language is, where that was asked.
        text: what was encoded, where a second wish may be looked for in it.
    """

    ids: list[int]
    truncated: bool
    further: tuple[list[int], ...] = ()
    automatic: bool = False
    sentences: tuple[list[int], ...] = ()
    language: Detection | None = None
    text: str | None = None

    @property
    def windows(self) -> int:
        """How many windows the text has, 1 or more."""
        return 1 + len(self.further)

    @property
    def rows(self) -> int:
        """How many rows the network reads for the text: its windows and its sentences."""
        return self.windows + len(self.sentences)

    @property
    def tokens(self) -> int:
        """Tokens of all rows together."""
        return len(self.ids) + sum(map(len, self.further)) + sum(map(len, self.sentences))


def rows_of(batch: Sequence[Encoded]) -> list[Encoded]:
    """Return each window and each sentence of each text as a row of its own, in order."""
    if all(row.rows == 1 for row in batch):
        return list(batch)
    return [Encoded(ids, row.truncated) for row in batch for ids in (row.ids, *row.further, *row.sentences)]


def first_rows(batch: Sequence[Encoded]) -> NDArray[np.intp]:
    """Return where each text's first window is among the rows of `rows_of`, ``[B]``."""
    return np.cumsum([0, *(row.rows for row in batch[:-1])], dtype=np.intp)


class Outputs(NamedTuple):
    """The network's outputs for a batch: logits ``[B, C]``, and cosine similarity ``[B, C]`` to each class."""

    logits: Floats
    similarity: Floats


class Engine:
    """One ONNX Runtime session that many threads call at once; each call runs on its caller's thread.

    Callers share the weights and do not wait for one another. N callers of one thread each are faster than one caller
    with N threads.
    """

    def __init__(self, tokenizer: Tokenizer, session: ort.InferenceSession) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._pad = int(tokenizer.token_to_id("[PAD]") or 0)

    @classmethod
    def open(cls, folder: Path, model: str, max_length: int, *, cuda: bool = False) -> "Engine":
        """Load ``tokenizer.json`` and a model from a folder.

        Raises:
            BundleError: one of the two cannot be loaded.
            DeviceError: ``cuda`` is set and the CUDA provider is not active.
        """
        return cls(open_tokenizer(folder / "tokenizer.json", max_length), _open_session(folder / model, cuda))

    @property
    def device(self) -> str:
        """``"cuda"`` or ``"cpu"``: where the session runs."""
        return "cuda" if self._session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids of each text, in windows of the maximum length. Releases the GIL."""
        encoded = self._encode([_beginning(text, LONG_TEXT) for text in texts])
        for position, text in enumerate(texts):
            if len(text) > LONG_TEXT and not encoded[position].truncated:
                encoded[position] = self._encode_long(text)
        self._add_sentences(texts, encoded)
        return encoded

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network on one batch, padded to its longest row. Thread-safe; releases the GIL."""
        return self.run_arrays(*self.pad(batch))

    def pad(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Token ids and attention mask ``[B, T]`` of a batch."""
        lengths = np.fromiter((len(row.ids) for row in batch), dtype=np.int64, count=len(batch))
        mask = np.arange(lengths.max(initial=1)) < lengths[:, None]
        ids = np.full(mask.shape, self._pad, dtype=np.int64)
        ids[mask] = np.fromiter((token for row in batch for token in row.ids), dtype=np.int64, count=lengths.sum())
        return ids, mask.astype(np.int64)

    def run_arrays(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Outputs:
        """Run the bare session on ids and mask ``[B, T]``. Benchmarks compare the rest of the worker with this."""
        return Outputs(*self._session.run(["logits", "similarity"], {"input_ids": ids, "attention_mask": mask}))

    def outputs(self, encoded: Sequence[Encoded]) -> Outputs:
        """Run `infer` on any number of rows: sorts them by length, cuts them into batches, restores their order."""
        classes = self._session.get_outputs()[0].shape[1]
        logits = np.empty((len(encoded), classes), dtype=np.float32)
        similarity = np.empty_like(logits)
        padding = CPU_PADDING if self.device == "cpu" else None
        for rows in sized_batches([len(row.ids) for row in encoded], padding=padding):
            logits[rows], similarity[rows] = self.infer([encoded[row] for row in rows])
        return Outputs(logits, similarity)

    def _add_sentences(self, texts: Sequence[str], encoded: list[Encoded]) -> None:
        """Add the end of each long text as a window of its own, and the sentences of those that have several."""
        pieces: list[str] = []
        counts: dict[int, tuple[int, int]] = {}  # how many ends and sentences the text at a position has
        for position, (text, row) in enumerate(zip(texts, encoded, strict=True)):
            if row.truncated:
                continue
            sentences = sentences_of(text)
            if row.further or len(sentences) >= SEVERAL_SENTENCES:
                ends = [end_of(text)] if row.further else []
                counts[position] = len(ends), len(sentences)
                pieces += [*ends, *sentences]
        starts = range(0, len(pieces), PIECES)
        ids = (piece.ids for start in starts for piece in self._encode(pieces[start : start + PIECES]))
        for position, (before, after) in counts.items():
            row, further = encoded[position], tuple(islice(ids, before))
            encoded[position] = row._replace(further=(*row.further, *further), sentences=tuple(islice(ids, after)))

    def _encode(self, texts: list[str]) -> list[Encoded]:
        return [_encoded(encoding) for encoding in self._tokenizer.encode_batch_fast(texts)]

    def _encode_long(self, text: str) -> Encoded:
        """Encode a growing beginning of a text, until one has more windows than are read."""
        size = LONG_TEXT * GROWTH
        while True:
            (encoded,) = self._encode([_beginning(text, size)])
            if encoded.truncated or size >= len(text):
                return encoded
            size *= GROWTH


def _encoded(encoding: Encoding) -> Encoded:
    if not (overflowing := encoding.overflowing):
        return Encoded(encoding.ids, False)
    truncated = len(overflowing) >= MAX_WINDOWS
    run = overflowing[: UNREAD_WINDOWS - 1] if truncated else overflowing
    return Encoded(encoding.ids, truncated, tuple(window.ids for window in run))


def usable_cores() -> int:
    """Return the cores this process may use: the smaller of its CPU affinity and its cgroup quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, cores if quota is None else min(cores, int(quota)))


def cuda_available() -> bool:
    """Whether this ONNX Runtime was built with CUDA. The driver may still be missing."""
    return "CUDAExecutionProvider" in ort.get_available_providers()


def sized_batches(
    lengths: Sequence[int], tokens: int = BATCH_TOKENS, *, padding: int | None = None
) -> Iterator[list[int]]:
    """Cut rows into batches, shortest rows first.

    Args:
        lengths: tokens of each row.
        tokens: the most padded tokens in a batch: rows times the longest row. A longer row is a batch of its own.
        padding: the most tokens of padding in a batch; None sets no limit.

    Yields:
        Positions in ``lengths``, each of them once.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    start = 0
    while start < len(order):
        stop, unpadded = start + 1, lengths[order[start]]
        while stop < len(order):
            padded = lengths[order[stop]] * (stop + 1 - start)
            unpadded += lengths[order[stop]]
            if padded > tokens or (padding is not None and padded - unpadded > padding):
                break
            stop += 1
        yield order[start:stop]
        start = stop


def open_tokenizer(file: Path, max_length: int) -> Tokenizer:
    """Load a ``tokenizer.json``; the tokenizer makes windows of ``max_length`` and does not pad.

    Raises:
        BundleError: the file cannot be read.
    """
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the Rust tokenizer raises a bare Exception
        raise BundleError(f"{file} cannot be read: {error}.") from error
    tokenizer.enable_truncation(max_length, stride=min(OVERLAP, max_length // 4))
    tokenizer.no_padding()
    return tokenizer


def _beginning(text: str, size: int) -> str:
    """Cut a text between two words, after about ``size`` characters.

    The tokenizer works word by word, so the tokens of the beginning are the first tokens of the whole text.
    """
    if len(text) <= size:
        return text
    end = text.rfind(" ", 1, size)
    end = end if end > 0 else text.find(" ", size)
    return text[:end] if end > 0 else text


def _open_session(file: Path, cuda: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda else ["CPUExecutionProvider"]
    try:
        session = ort.InferenceSession(str(file), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise BundleError(f"{file} cannot be loaded: {error}") from error
    if cuda and session.get_providers()[0] != "CUDAExecutionProvider":
        raise DeviceError(
            "The device is cuda, but ONNX Runtime fell back to the CPU: check that the driver, CUDA and cuDNN match "
            "onnxruntime-gpu, or set TRIAGE_DEVICE=cpu."
        )
    return session


def _cgroup_quota() -> float | None:
    """Return the CPU quota of this process's cgroup (v2, then v1) in cores; None where there is no limit."""
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
