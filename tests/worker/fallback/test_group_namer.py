"""Names of groups by an LLM: answers, retries, the budget, and endpoints that answer nothing."""

import orjson
import pytest
from aiohttp import web
from triage_models.labelling.groups import free_name
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.fallback import group_namer
from triage_worker.fallback.group_namer import GroupName, name_groups, read_name

from tests.worker.fallback.llm_server import LlmServer, always, completion, in_turn

GROUPS = [["where is my parcel", "parcel late"], ["cancel it"]]


def named(name: str, description: str = "About it.") -> web.Response:
    return completion(orjson.dumps({"name": name, "description": description}).decode())


def settings(server: LlmServer, **more: object) -> Settings:
    return Settings.load(llm_url=server.url, llm_model="m", **more)


async def test_each_group_gets_a_name_and_the_model_sees_the_names_that_are_taken() -> None:
    async with LlmServer(in_turn([lambda: named("Where is it?"), lambda: named("CANCEL_ORDER")])) as server:
        found = await name_groups(settings(server), GROUPS, None, free_name)
    assert found == {0: GroupName("WHERE_IS_IT", "About it."), 1: GroupName("CANCEL_ORDER", "About it.")}
    questions = [orjson.loads(asked["messages"][-1]["content"]) for asked in server.asked]
    assert questions == [
        {"messages": GROUPS[0], "taken": []},
        {"messages": GROUPS[1], "taken": ["WHERE_IS_IT"]},
    ]


async def test_a_failure_is_retried_and_a_format_that_is_refused_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_namer, "LONGEST_WAIT_S", 0.0)
    refused = {"error": {"message": "response_format json_schema is not supported"}}
    replies = [
        lambda: web.Response(status=500),
        lambda: web.json_response(refused, status=400),
        lambda: named("A"),
        lambda: named("B"),
    ]
    async with LlmServer(in_turn(replies)) as server:
        found = await name_groups(settings(server), GROUPS, None, free_name)
    assert [found[number].name for number in (0, 1)] == ["A", "B"]
    assert server.asked[-1]["response_format"]["type"] == "json_object"


async def test_no_more_is_spent_than_the_budget() -> None:
    async with LlmServer(in_turn([lambda: named("A"), lambda: named("B")])) as server:
        priced = settings(server, llm_price_input=1000.0, llm_price_output=1000.0)
        found = await name_groups(priced, GROUPS, 0.6, free_name)  # a call is reserved at about 0.5, and costs 0.11
        assert len(server.asked) == 1
        assert list(found) == [0]
        with pytest.raises(TriageError, match="named no group"):
            await name_groups(priced, GROUPS, 0.0001, free_name)
        with pytest.raises(TriageError, match="--max-money needs TRIAGE_LLM_PRICE_INPUT"):
            await name_groups(settings(server), GROUPS, 1.0, free_name)


async def test_an_endpoint_without_a_usable_answer_is_not_asked_about_every_group() -> None:
    async with LlmServer(always(lambda: completion("I cannot say."))) as server:
        with pytest.raises(TriageError, match=r"named no group .*: check the address, the model and the key"):
            await name_groups(settings(server), [["x"]] * 50, None, free_name)
        assert len(server.asked) == group_namer.MAX_FAILURES


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"name": "refund status", "description": "Asks for it."}', "REFUND_STATUS"),
        ('<think>{"name": "NO", "description": "x"}</think>{"name": "YES", "description": "x"}', "YES"),
        ('{"name": "TAKEN", "description": "x"}', None),
        ('{"name": "taken!", "description": "x"}', None),
        ('{"name": "T\u0410KEN", "description": "x"}', None),
        ('{"name": "out of scope", "description": "x"}', None),
        ('{"name": "null", "description": "x"}', None),
        ('{"name": "पैसे वापस", "description": "x"}', "पैसे_वापस"),
        ('{"name": "RETURN|EXCHANGE", "description": "x"}', "RETURN_EXCHANGE"),
        ('{"name": "A"}', None),
        ('{"name": "??", "description": "x"}', None),
        ("nothing", None),
    ],
)
def test_an_answer_is_a_label_that_is_not_taken_or_nothing(content: str, name: str | None) -> None:
    found = read_name(content, ["TAKEN"], free_name)
    assert (found.name if found else None) == name
