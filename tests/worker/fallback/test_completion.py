"""What is read from the body of a response with status 200, besides the answer itself."""

from typing import Any

import orjson
import pytest
from triage_worker.fallback.completion import Completion, parse_completion
from triage_worker.fallback.errors import NotACompletionError, RejectedError


def parsed(document: Any) -> Completion:
    return parse_completion(orjson.dumps(document), "application/json")


def completion(message: dict[str, Any], **more: Any) -> Completion:
    return parsed({"choices": [{"message": message} | more]})


@pytest.mark.parametrize(
    ("reported", "tokens"),
    [(0, 0), (1, 1), (812, 812), (-1, None), (True, None), ("12", None), (1.5, None), (None, None)],
)
def test_tokens_are_what_is_reported_if_it_can_be_a_number_of_tokens(reported: Any, tokens: int | None) -> None:
    for name, other in (("prompt_tokens", "completion_tokens"), ("completion_tokens", "prompt_tokens")):
        found = parsed({"choices": [{"message": {"content": "a"}}], "usage": {name: reported, other: 7}})
        counts = {"prompt_tokens": found.input_tokens, "completion_tokens": found.output_tokens}
        assert counts == {name: tokens, other: 7}


def test_without_usage_no_tokens_are_known() -> None:
    found = completion({"content": "a"})
    assert (found.input_tokens, found.output_tokens) == (None, None)


@pytest.mark.parametrize("kind", ["thinking", "reasoning", "reasoning.text", "thought"])
def test_parts_that_are_thoughts_belong_to_the_thoughts_only(kind: str) -> None:
    parts = [{"type": kind, "text": "hm"}, {"type": "text", "text": "WISMO"}]
    assert completion({"content": parts}).content == "WISMO"
    assert completion({"content": "", "reasoning": parts}).reasoning == "hmWISMO"


def test_parts_without_a_text_are_left_out() -> None:
    parts: list[Any] = ["WI", {"type": "image"}, {"type": "text", "text": None}, {"type": "text", "text": "WISMO"}, 5]
    assert completion({"content": parts}).content == "WISMO"
    assert completion({"content": ["WI", "SMO"]}).content == "WISMO"


@pytest.mark.parametrize(("written", "read"), [("length", "length"), (None, None), (5, None), (["stop"], None)])
def test_the_reason_of_the_end_is_text_or_unknown(written: Any, read: str | None) -> None:
    assert completion({"content": "a"}, finish_reason=written).finish_reason == read


@pytest.mark.parametrize(
    ("refusal", "refused"), [("I can't.", True), ("", False), (" \n", False), (None, False), (True, False)]
)
def test_a_model_declines_in_words(refusal: Any, refused: bool) -> None:
    assert completion({"content": "a", "refusal": refusal}).refusal is refused


def test_a_message_without_content_is_no_error() -> None:
    assert completion({"content": None}) == Completion("")


def test_an_answer_counts_more_than_an_error_beside_it() -> None:
    document = {"choices": [{"message": {"content": "a"}}], "error": {"message": "a warning", "code": 400}}
    assert parsed(document) == Completion("a")
    assert completion({"content": "a"}, error={"code": 502}) == Completion("a")


@pytest.mark.parametrize("choices", [[], None])
def test_without_a_choice_the_words_are_an_error(choices: Any) -> None:
    assert parsed({"choices": choices, "id": 5}) == Completion("", has_choice=False)
    with pytest.raises(RejectedError, match=r"^an error with status 200$") as caught:
        parsed({"choices": choices, "base_resp": {"status_code": 1008, "status_msg": "no credit"}})
    assert caught.value.body.words == "no credit"


@pytest.mark.parametrize("document", [{"id": 5}, {"choices": [5]}, {"choices": {}}, [], None, "choices", 5])
def test_json_of_another_form_is_no_completion(document: Any) -> None:
    with pytest.raises(NotACompletionError, match=r"JSON of another form$"):
        parsed(document)


def test_a_body_that_is_no_text_at_all_is_no_completion() -> None:
    with pytest.raises(NotACompletionError, match="image/png") as caught:
        parse_completion(b"\x89PNG\xff", "image/png")
    assert "PNG" in caught.value.body.words


@pytest.mark.parametrize(("code", "status"), [(402, 402), ("402", 402), ("no_credit", 200), (None, 200)])
def test_an_error_has_the_status_of_its_body(code: Any, status: int) -> None:
    with pytest.raises(RejectedError) as caught:
        parsed({"error": {"message": "no credit", "code": code}})
    assert caught.value.status == status


def test_a_passing_error_names_its_status() -> None:
    with pytest.raises(NotACompletionError, match="error 502"):
        parsed({"error": {"message": "upstream", "code": 502}})
