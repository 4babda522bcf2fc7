"""An answer that is an error says nothing about offsets; a member that joins waits for as long as others may take."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.commit import OffsetFetchResponse_v1, OffsetFetchResponse_v3
from aiokafka.protocol.group import JoinGroupRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from triage_worker.kafka.client_compat.consumer_group import PatchedGroupCoordinator

PLACE = TopicPartition("in", 3)
KNOWN = [("in", [(3, 17, "", 0)])]
FOUND = {PLACE: OffsetAndMetadata(17, "")}

CONNECTION = SimpleNamespace(_request_timeout=None)


def asking(*answers: Any) -> PatchedGroupCoordinator:
    """A member's side of a group whose coordinator answers so, in turn."""
    left = list(answers)

    async def send(*_: Any, **__: Any) -> Any:
        return left.pop(0)

    async def lookup(*_: Any) -> int:
        return 2

    async def ready(*_: Any, **__: Any) -> bool:
        return True

    async def get_conn(*_: Any, **__: Any) -> Any:
        return CONNECTION

    coordinator = PatchedGroupCoordinator.__new__(PatchedGroupCoordinator)
    client: Any = SimpleNamespace(
        send=send, coordinator_lookup=lookup, ready=ready, _get_conn=get_conn, _request_timeout_ms=15_000
    )
    coordinator._client = client
    coordinator.group_id, coordinator.coordinator_id = "group", 1
    coordinator._retry_backoff_ms = 1
    coordinator._rebalance_timeout_ms = 45_000
    coordinator._closing = asyncio.get_running_loop().create_future()
    return coordinator


@pytest.fixture(autouse=True)
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The coordinators that were found to be none any more."""
    dead: list[int | None] = []

    def coordinator_dead(coordinator: PatchedGroupCoordinator) -> None:
        dead.append(coordinator.coordinator_id)

    monkeypatch.setattr(PatchedGroupCoordinator, "coordinator_dead", coordinator_dead)
    return dead


@pytest.mark.parametrize("answer", [OffsetFetchResponse_v1(KNOWN), OffsetFetchResponse_v3(0, KNOWN, 0)])
async def test_committed_offsets_are_returned(answer: Any) -> None:
    assert await asking(answer).fetch_committed_offsets([PLACE]) == FOUND


async def test_a_group_that_never_committed_has_none() -> None:
    answer = OffsetFetchResponse_v3(0, [("in", [(3, -1, "", 0)])], 0)
    assert await asking(answer).fetch_committed_offsets([PLACE]) == {}


@pytest.mark.parametrize("error", [GroupLoadInProgressError, NotCoordinatorForGroupError])
async def test_while_the_coordinator_moves_it_is_asked_again(error: Any, looked_up: list[int | None]) -> None:
    coordinator = asking(OffsetFetchResponse_v3(0, [], error.errno), OffsetFetchResponse_v3(0, KNOWN, 0))
    assert await coordinator.fetch_committed_offsets([PLACE]) == FOUND
    assert looked_up == ([1] if error is NotCoordinatorForGroupError else [])


async def test_a_missing_right_is_reported_with_the_group() -> None:
    with pytest.raises(GroupAuthorizationFailedError) as caught:
        await asking(OffsetFetchResponse_v3(0, [], 30)).fetch_committed_offsets([PLACE])
    assert caught.value.args == ("group",)


async def test_a_missing_right_on_topics_is_reported_with_their_names() -> None:
    code, other = TopicAuthorizationFailedError.errno, TopicPartition("other", 0)
    answer = OffsetFetchResponse_v3(0, [("in", [(3, -1, "", code)]), ("other", [(0, 5, "", 0)])], 0)
    coordinator = asking(answer)
    client: Any = coordinator._client
    looked_up: list[str] = []
    client.force_metadata_update = lambda: looked_up.append("metadata")
    with pytest.raises(TopicAuthorizationFailedError) as caught:
        await coordinator.fetch_committed_offsets([PLACE, other])
    assert caught.value.args == ({"in"},)
    assert looked_up == ["metadata"]


async def test_a_member_that_is_closed_does_not_join() -> None:
    coordinator = asking()
    coordinator._closing.set_result(None)
    with pytest.raises(GroupCoordinatorNotAvailableError):
        await coordinator._send_req(JoinGroupRequest("group", 45_000, 45_000, "", None, "consumer", []))


async def test_only_a_member_that_joins_waits_longer_than_the_request_timeout() -> None:
    coordinator = asking(None, OffsetFetchResponse_v3(0, KNOWN, 0))
    await coordinator._send_req(JoinGroupRequest("group", 45_000, 45_000, "", None, "consumer", []))
    assert CONNECTION._request_timeout == 50
    await coordinator.fetch_committed_offsets([PLACE])
    assert CONNECTION._request_timeout == 15
