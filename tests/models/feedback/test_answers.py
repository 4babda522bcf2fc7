"""Reading answers from CSV and JSON lines."""

import json
from pathlib import Path

import pytest
from triage_models.errors import DataError
from triage_models.feedback.answers import Answer, read_answers


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_answers_are_read_from_both_kinds_of_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    rows = [
        {"text": "where, is it", "label": "WISMO", "decided_by": "llm", "message_id": "m", "conversation_id": "c"},
        {"text": "stop", "label": "CANCEL_ORDER"},
    ]
    if name.endswith("csv"):
        file.write_text(
            'text,label,decided_by,message_id,conversation_id\n"where, is it",WISMO,llm,m,c\nstop,CANCEL_ORDER\n'
        )
    else:
        file.write_text("".join(json.dumps(row | {"source": {"topic": "t"}}) + "\n" for row in rows))
    assert read_answers(file) == [Answer("where, is it", "WISMO", "llm", "m", "c"), Answer("stop", "CANCEL_ORDER")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "line 1: not a JSON object"),
        ('{"text": "x"}', "has no column 'label'"),
        ('{"text": "x", "label": null}', "line 1: the row has no label"),
        ('{"text": "x", "label": "y", "decided_by": "me"}', "decided_by is 'me'"),
    ],
)
def test_an_invalid_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(DataError, match=said):
        read_answers(file)
