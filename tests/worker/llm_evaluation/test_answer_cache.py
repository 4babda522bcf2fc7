"""The file of answers: what is stored can be read again, whatever happened to the process that wrote it."""

from pathlib import Path

import pytest
from triage_worker.config.errors import TriageError
from triage_worker.llm_evaluation.answer_cache import FILE, AnswerCache


@pytest.mark.parametrize("cut", range(1, 30, 7))
def test_a_line_that_was_cut_off_is_skipped_and_the_rest_is_read(tmp_path: Path, cut: int) -> None:
    line = '{"question":"%s","said":{"answer":{"intent":"WISMO","confidence":0.9},"calls":[]}}\n'
    whole = line % "a" + line % "b"
    (tmp_path / FILE).write_text(whole[:-cut])
    with AnswerCache(tmp_path) as cache:
        assert ("a" in cache, "b" in cache) == (True, cut == 1)
        result = cache.get("a")
        assert result is not None
        cache.add("c", result)
    with AnswerCache(tmp_path) as cache:
        assert "a" in cache
        assert "c" in cache


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TriageError, match="Answers cannot be stored in"), AnswerCache(tmp_path / "file"):
        pass


def test_a_line_has_the_fields_that_earlier_versions_wrote(tmp_path: Path) -> None:
    line = (
        '{"question":"a","said":{"answer":{"intent":"WISMO","confidence":0.9},'
        '"calls":[{"result":"answered","seconds":0.5,"read":87,"written":4,"reported":true}]}}\n'
    )
    (tmp_path / FILE).write_text(line)
    with AnswerCache(tmp_path) as cache:
        result = cache.get("a")
        assert result is not None
        assert (result.calls[0].input_tokens, result.calls[0].output_tokens) == (87, 4)
        cache.add("a", result)
    assert (tmp_path / FILE).read_text() == 2 * line
