"""``triage suggest``: groups of messages as CSV files, and its errors."""

import csv
import json
from pathlib import Path

import pytest

from tests.worker.cli.result import Triage, refused


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.train
def test_messages_become_groups_that_train_reads(triage: Triage, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the [train] extra")
    from triage_models.data.training_rows import read_descriptions, read_training_rows

    from tests.models.tiny import tiny_rows

    rows = tiny_rows(labels=("WISMO", "CANCEL_ORDER", "DAMAGED_ITEM", "ACCOUNT_ISSUE"))
    texts = [text for text, _ in rows]
    (tmp_path / "dump.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in [*texts, *texts[:9]]))
    ran = triage("suggest", "--input", "dump.jsonl", "--groups", "6", "--output", "groups.csv")
    assert ran.code == 0, ran.err
    assert f"{len(texts) + 9} messages make" in ran.out
    lines, labels = read(tmp_path / "groups.csv"), read(tmp_path / "groups.labels.csv")
    assert 2 <= len(labels) <= 6
    assert sum(int(line["count"]) for line in lines) == len(texts) + 9
    assert {line["label"] for line in lines} - {""} == {line["label"] for line in labels}
    assert {line["keep"] for line in lines if not line["label"]} <= {"no"}
    assert all(line["description"] and line["examples"] for line in labels)

    kept = [line for line in lines if line["label"]]
    with (tmp_path / "kept.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, kept[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    read_back = read_training_rows(tmp_path / "kept.csv")
    assert len(read_back) == len(kept)
    assert not read_back.groups  # or whole intents would be held out
    described = read_descriptions(tmp_path / "groups.labels.csv", sorted(set(read_back.labels)))
    assert described == {line["label"]: line["description"] for line in labels}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--output", "g.csv"], "Give the messages by one of --input FILE and --topic TOPIC"),
        (["--input", "a.txt", "--output", "g.jsonl"], "does not end in .csv"),
        (["--input", "a.txt", "--output", "g.csv", "--max-money", "1"], "--max-money is about an LLM"),
        (["--input", "a.txt", "--output", "g.csv", "--llm-model", "small"], "--llm-model is about an LLM"),
        (["--input", "none.txt", "--output", "g.csv"], "none.txt"),
        (["--input", "g.labels.csv", "--output", "g.csv"], "g.labels.csv is the input itself"),
    ],
)
def test_an_error_is_one_sentence(triage: Triage, tmp_path: Path, arguments: list[str], part: str) -> None:
    (tmp_path / "g.labels.csv").write_text("text\nwhere is it\n")
    refused(triage("suggest", *arguments), part)
    assert (tmp_path / "g.labels.csv").read_text() == "text\nwhere is it\n"
