"""The exported models compute the same as the trained network, in every batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

pytest.importorskip("torch", reason="needs the [train] extra")

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from triage_models.serving.engine import Encoded, Engine
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.batches import Examples
from triage_models.training.cpu_operators import optimize_for_cpu
from triage_models.training.export import export
from triage_models.training.inference import embed_layers, embed_texts
from triage_models.training.network import OPEN_FROM, GeneratedHead, Network, ServingNetwork
from triage_models.training.prototypes import BANK, build_prototypes
from triage_models.training.word_head import fit_word_head

from tests.models.tiny import LABELS, tiny_rows

CLASSES = len(LABELS) + 1
WIDTH = 48


@dataclass
class Exported:
    served: ServingNetwork
    tokenizer: Tokenizer
    texts: list[str]
    int8: Engine
    fp16: Engine

    def torchs(self, texts: list[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute logits and similarity in torch, one text at a time."""
        rows = []
        with torch.no_grad():
            for encoding in self.tokenizer.encode_batch_fast(texts):
                ids = torch.tensor([encoding.ids])
                rows.append(self.served(ids, torch.ones_like(ids)))
        return tuple(np.concatenate([row[part].numpy() for row in rows]) for part in (0, 1))  # type: ignore[return-value]


@pytest.fixture(scope="module", params=["one_head", "generated_head", "word_head"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Exported:
    """A network with a meaningful head, and perhaps one for generated texts, exported as both models."""
    folder = tmp_path_factory.mktemp("exported")
    tokenizer = load_tokenizer(str(tiny_base))
    texts = [text for text, _ in tiny_rows(each=12)]
    classes = torch.arange(CLASSES).repeat_interleave(12)
    torch.manual_seed(0)
    network = Network(load_encoder(str(tiny_base)), CLASSES, dropout=0.1)
    embedded = embed_texts(network, tokenizer, texts)
    network.head.weight.data = torch.stack([embedded[classes == number].mean(0) for number in range(CLASSES)])
    network.head.weight.data -= network.head.weight.data.mean(0)
    if request.param == "word_head":
        rows = Examples(texts, classes.numpy(), np.ones(len(texts)))
        network.word_head = fit_word_head(tokenizer, rows, network.encoder.config.vocab_size, CLASSES, share=0.5)
    if request.param == "generated_head":
        vectors = embed_layers(network, tokenizer, texts)
        network.generated = GeneratedHead(vectors.shape[1], CLASSES).requires_grad_(False)
        gate = network.generated.gate[2]
        assert isinstance(gate, torch.nn.Linear)
        gate.bias.add_(OPEN_FROM - network.generated.gate(vectors).median())  # open for about half of the texts
    bank = build_prototypes(torch.nn.functional.normalize(embedded, dim=1), classes, CLASSES, seed=0)
    served = ServingNetwork(network, bank).eval()
    tokenizer.save(str(folder / "tokenizer.json"))
    seen = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    export(served, folder / "int8.onnx", folder / "fp16.onnx", seen)
    engines = (Engine.open(folder, name, 64) for name in ("int8.onnx", "fp16.onnx"))
    return Exported(served, tokenizer, texts, *engines)


def test_fp16_computes_the_same_as_torch(exported: Exported) -> None:
    logits, similarity = exported.torchs(exported.texts)
    found = exported.fp16.outputs(exported.fp16.encode(exported.texts))
    spread = float(logits.std())
    assert np.abs(found.logits - logits).max() < 0.02 * spread
    assert np.abs(found.similarity - similarity).max() < 0.005


def test_int8_computes_nearly_the_same_as_torch(exported: Exported) -> None:
    logits, similarity = exported.torchs(exported.texts)
    found = exported.int8.outputs(exported.int8.encode(exported.texts))
    error = np.abs(found.logits - logits)
    assert error.mean() < 0.1 * logits.std()
    assert np.abs(found.similarity - similarity).mean() < 0.02
    agreeing = found.logits.argmax(axis=1) == logits.argmax(axis=1)
    assert agreeing.mean() >= 0.9


def test_cpu_operators_compute_the_same_as_the_original_ones(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage_models.training.export.optimize_for_cpu", lambda path, width: None)
    seen = [row.ids for row in exported.int8.encode(exported.texts)]
    export(exported.served, tmp_path / "int8.onnx", None, seen)
    exported.tokenizer.save(str(tmp_path / "tokenizer.json"))
    plain = Engine.open(tmp_path, "int8.onnx", 64).outputs(exported.int8.encode(exported.texts))
    found = exported.int8.outputs(exported.int8.encode(exported.texts))
    error = np.abs(found.logits - plain.logits)  # numbers halfway between two integers may be rounded either way
    assert error.max() < 0.1 * plain.logits.std()
    assert error.mean() < 0.01 * plain.logits.std()


def test_a_row_of_equal_numbers_is_normalized_to_the_bias(tmp_path: Path) -> None:
    gamma, beta = np.full(8, 2, np.float32), np.arange(8, dtype=np.float32)
    constants = {"gamma": gamma, "beta": beta}
    norm = helper.make_node("SkipLayerNormalization", ["x", "x", *constants], ["y"], "norm", domain="com.microsoft")
    graph = helper.make_graph(
        [norm],
        "norm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 8])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(tmp_path / "norm.onnx"))
    rows = np.stack([np.full(8, 3), np.arange(8)]).astype(np.float32)
    before = InferenceSession(str(tmp_path / "norm.onnx")).run(None, {"x": rows})[0]
    optimize_for_cpu(tmp_path / "norm.onnx", 8)
    after = InferenceSession(str(tmp_path / "norm.onnx")).run(None, {"x": rows})[0]
    assert np.allclose(after[0], beta)
    assert np.allclose(after, before, atol=1e-4)


def test_an_answer_does_not_depend_on_the_batch(exported: Exported) -> None:
    encoded = exported.int8.encode(exported.texts)
    together = exported.int8.infer(encoded)
    for row, alone in enumerate(encoded):
        single = exported.int8.infer([alone])
        assert np.abs(single.logits - together.logits[row]).max() < 1e-3
        assert np.abs(single.similarity - together.similarity[row]).max() < 1e-4


def test_similarity_is_one_for_a_training_text_and_a_cosine_otherwise(exported: Exported) -> None:
    found = exported.fp16.outputs(exported.fp16.encode([*exported.texts, "zzz qqq", "?"])).similarity
    own = found[np.arange(len(exported.texts)), np.repeat(np.arange(CLASSES), 12)]
    assert own.min() > 0.99  # with twelve rows per class, each row is a prototype
    assert np.abs(found).max() <= 1.001


def test_batches_and_lengths_other_than_those_of_the_export_run(exported: Exported) -> None:
    for engine in (exported.int8, exported.fp16):
        for rows, length in ((1, 3), (7, 64), (33, 5)):
            outputs = engine.infer([Encoded([101, *[2000] * (length - 2), 102], False)] * rows)
            assert outputs.logits.shape == outputs.similarity.shape == (rows, CLASSES)
            assert outputs.logits.dtype == outputs.similarity.dtype == np.float32
            assert np.isfinite(outputs.logits).all()


def test_layers_are_fused_and_their_products_are_integer_products(exported: Exported, tmp_path: Path) -> None:
    seen = [[101, 2000, 102]]
    export(exported.served, tmp_path / "int8.onnx", None, seen)
    kinds = [node.op_type for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node]
    assert kinds.count("QAttention") == 2
    assert kinds.count("MatMulIntegerToFloat") == 2 * 3
    assert not {"DynamicQuantizeLinear", "MatMulInteger", "SkipLayerNormalization", "BiasGelu"} & set(kinds)


@pytest.mark.parametrize(("classes", "each"), [(4, WIDTH), (3, WIDTH), (WIDTH, 2)])
def test_head_and_prototypes_stay_in_float_whatever_their_shape(
    tiny_base: Path, tmp_path: Path, classes: int, each: int
) -> None:
    """Regression: these shapes occur among the layers' own weights, and the nodes were once chosen by shape."""
    torch.manual_seed(0)
    bank = torch.nn.functional.normalize(torch.randn(classes, each, WIDTH), dim=2)
    served = ServingNetwork(Network(load_encoder(str(tiny_base)), classes, 0.1), bank)
    export(served, tmp_path / "int8.onnx", None, [[101, 2000, 2001, 102]])
    floats = [node.name for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node if node.op_type == "MatMul"]
    assert floats == ["/head/Gemm_MatMul", "/MatMul"]


def test_prototypes_are_the_rows_of_a_small_class_and_cluster_centres_of_a_large_one() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(700, 16, generator=generator), dim=1)
    classes = torch.tensor([0] * 690 + [1] * 7 + [2] * 3)
    found = build_prototypes(rows, classes, 3, seed=0)
    assert found.shape == (3, 256, 16)
    assert torch.allclose(found.norm(dim=2), torch.ones(3, 256), atol=1e-5)
    assert {tuple(row.tolist()) for row in found[1]} == {tuple(row.tolist()) for row in found[1][:7]}
    assert torch.allclose(found[1][:7], rows[690:697], atol=1e-6)
    assert float((rows[:690] @ found[0].T).amax(1).mean()) > 0.7  # centres lie among the rows of their class


def test_a_thousand_classes_have_prototypes_in_the_same_bank() -> None:
    rows = torch.nn.functional.normalize(torch.randn(3000, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    found = build_prototypes(rows, torch.arange(3000) % 1000, 1000, seed=0)
    assert found.shape == (1000, 2, 8)
    assert found.shape[0] * found.shape[1] <= BANK
