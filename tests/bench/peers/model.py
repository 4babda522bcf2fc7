"""The model that all peers share: the shipped bundle's int8 graph and tokenizer, and nothing else of Triage.

There is no calibration, no threshold, no language and no second wish, so a peer has less to compute than Triage. Texts
are cut off at the model's 64 tokens.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer


class Model:
    """Classifies texts; the session has the threads that ONNX Runtime chooses by default, one for each core.

    Args:
        folder: of a bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(64)
        self._tokenizer.enable_padding()
        self._session = ort.InferenceSession(str(folder / "model.int8.onnx"), providers=["CPUExecutionProvider"])

    @classmethod
    def from_environment(cls) -> "Model":
        """Open the bundle that PEER_BUNDLE names."""
        return cls(Path(os.environ["PEER_BUNDLE"]))

    def classify(self, texts: list[str]) -> list[dict[str, Any]]:
        """Return the class with the highest score of each text, and the score."""
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encoded], dtype=np.int64)
        mask = np.array([one.attention_mask for one in encoded], dtype=np.int64)
        (logits,) = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        return [{"label": int(row.argmax()), "score": float(row.max())} for row in scores]
