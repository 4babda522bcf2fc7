"""Each private name that is used exists, on objects as aiokafka and Faust make them, and is what it is taken for."""

import asyncio
import inspect
from collections import defaultdict
from contextvars import ContextVar
from typing import Any

import faust.streams
import pytest
from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka import client as client_module
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import client as admin_module
from aiokafka.client import CoordinationType
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import consumer as consumer_module
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import BaseCoordinator, GroupCoordinator, NoGroupCoordinator
from aiokafka.producer import producer as producer_module
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faust.tables import TableManager
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from triage_worker.kafka.client_compat.consumer_group import PatchedGroupCoordinator
from triage_worker.kafka.client_compat.cooperative_group import CooperativeGroupCoordinator
from triage_worker.kafka.client_compat.fetch import FOLLOWER_VERSION
from triage_worker.kafka.client_compat.first_broker import BOOTSTRAP, PatchedAdminClient, PatchedClient
from triage_worker.kafka.client_compat.header_names import read_batches
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.client_compat.producer_requests import _WatchedCoordinators
from triage_worker.kafka.client_compat.topic_access import PatchedFetcher, PatchedNoGroupCoordinator
from triage_worker.kafka.client_compat.topic_creation import LookupRequest

from tests.unpatched import FETCH_VERSIONS
from tests.worker.classify.raw_batches import builder

COROUTINES = [
    (GroupCoordinator, "_send_req"),
    (GroupCoordinator, "fetch_committed_offsets"),
    (GroupCoordinator, "ensure_active_group"),
    (GroupCoordinator, "_on_join_prepare"),
    (GroupCoordinator, "_on_join_complete"),
    (GroupCoordinator, "_do_rejoin_group"),
    (GroupCoordinator, "_do_commit_offsets"),
    (GroupCoordinator, "_do_fetch_commit_offsets"),
    (GroupCoordinator, "_stop_commit_offsets_refresh_task"),
    (fetcher.Fetcher, "_proc_fetch_request"),
    (fetcher.Fetcher, "_proc_offset_request"),
    (AIOKafkaClient, "_get_conn"),
    (AIOKafkaClient, "_wait_on_metadata"),
    (AIOKafkaClient, "_metadata_update"),
    (AIOKafkaClient, "coordinator_lookup"),
    (AIOKafkaAdminClient, "_send_request"),
    (AIOKafkaAdminClient, "_send_to_controller"),
    (AIOKafkaConnection, "_do_sasl_handshake"),
    (Sender, "start"),
    (Sender, "_find_coordinator"),
    (TableManager, "_update_channels"),
]

MAKERS: list[tuple[Any, Any]] = [
    (consumer_module, AIOKafkaConsumer),
    (producer_module, AIOKafkaProducer),
    (admin_module, AIOKafkaAdminClient),
]


@pytest.mark.parametrize(("owner", "name"), COROUTINES, ids=lambda one: getattr(one, "__name__", one))
def test_private_methods_are_coroutine_functions(owner: Any, name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(owner, name))


async def test_a_producer() -> None:
    producer = AIOKafkaProducer(transactional_id="id", request_timeout_ms=1_234, retry_backoff_ms=5)
    assert producer._request_timeout_ms == 1_234
    assert type(producer._sender) is Sender
    assert producer._sender._retry_backoff == 0.005
    assert producer._sender.sender_task is None
    assert type(producer._txn_manager) is TransactionManager
    assert producer._txn_manager.wait_for_transaction_end() is None
    assert type(producer._message_accumulator) is MessageAccumulator
    assert type(producer._message_accumulator._batches) is defaultdict
    assert producer._message_accumulator._pending_batches == set()
    assert isinstance(producer.client, AIOKafkaClient)
    assert producer.client._topics == set()
    assert producer._txn_manager.transactional_id == "id"
    assert (producer._txn_manager.producer_id, producer._txn_manager.producer_epoch) == (-1, -1)
    producer._sender._coordinators = watched = _WatchedCoordinators({CoordinationType.GROUP: 1})
    producer._sender._coordinator_dead(CoordinationType.TRANSACTION)
    assert watched.lost
    assert await producer._sender._find_coordinator(CoordinationType.GROUP, "group") == 1
    await producer.stop()


async def test_a_client() -> None:
    client = AIOKafkaClient(request_timeout_ms=1_234)
    assert client._request_timeout_ms == 1_234
    assert client._md_update_fut is None
    waiter = client.force_metadata_update()
    assert isinstance(client._md_update_fut, asyncio.Future)
    waiter.cancel()


async def test_a_consumer() -> None:
    consumer = AIOKafkaConsumer()
    assert isinstance(consumer._client, AIOKafkaClient)
    assert consumer._client.cluster.unauthorized_topics == set()
    assert consumer._subscription.topics == set()
    consumer.assign([TopicPartition("topic", 0)])
    assert consumer._subscription.topics == {"topic"}
    assert consumer._subscription.subscription.assignment.all_consumed_offsets() == {}
    await consumer.stop()


def test_a_coordinator_that_is_closed_waits_for_the_group_and_then_leaves_it() -> None:
    assert {"member_id", "_group_instance_id", "_closing"} <= set(GroupCoordinator.__init__.__code__.co_names)
    source = inspect.getsource(GroupCoordinator.close)
    assert source.index("_closing.set_result") < source.index("await self._coordination_task")
    assert source.index("await self._coordination_task") < source.index("await self._maybe_leave_group")


def test_errors_are_checked_in_each_poll() -> None:
    for poll in (AIOKafkaConsumer.getmany, AIOKafkaConsumer.getone):
        assert {"_coordinator", "check_errors"} <= set(poll.__code__.co_names)
    assert {"_cluster", "_subscription"} <= set(BaseCoordinator.__init__.__code__.co_names)


def test_a_fetcher_looks_up_leaders_that_it_does_not_know() -> None:
    assert "self._get_actions_per_node(assignment)" in inspect.getsource(fetcher.Fetcher)
    source = inspect.getsource(fetcher.Fetcher._get_actions_per_node)
    assert source.rstrip().endswith(
        "return (\n            fetch_requests,\n            awaiting_reset,\n            backoff,\n"
        "            invalid_metadata,\n            resume_futures,\n        )"
    )


def test_a_batch() -> None:
    records = _MemoryRecordsPy(bytes(builder([(b"k", b"v", [])]).build()))
    assert type(records._next_slice) is memoryview
    batch = _DefaultRecordBatchPy(records._next_slice)
    batch._maybe_uncompress()
    assert type(batch._buffer) is bytearray


def test_patches_are_looked_up_where_they_are_put() -> None:
    """aiokafka finds these names in the module's own namespace when it makes a client, reads a fetch or bootstraps."""
    assert {"GroupCoordinator", "NoGroupCoordinator", "Fetcher"} <= set(AIOKafkaConsumer.start.__code__.co_names)
    assert "MemoryRecords" in fetcher.Fetcher._proc_fetch_request.__code__.co_names
    assert "MetadataRequest" in AIOKafkaClient.bootstrap.__code__.co_names
    assert FETCH_VERSIONS[-1].API_VERSION >= FOLLOWER_VERSION
    apply_patches()
    apply_patches()
    assert consumer_module.GroupCoordinator is CooperativeGroupCoordinator
    assert CooperativeGroupCoordinator.__bases__ == (PatchedGroupCoordinator,)
    assert fetcher.MemoryRecords is read_batches
    assert PatchedGroupCoordinator.__bases__ == (GroupCoordinator,)
    assert consumer_module.NoGroupCoordinator is PatchedNoGroupCoordinator
    assert PatchedNoGroupCoordinator.__bases__ == (NoGroupCoordinator,)
    assert consumer_module.Fetcher is PatchedFetcher
    assert PatchedFetcher.__bases__ == (fetcher.Fetcher,)
    assert tuple(one for one in FETCH_VERSIONS if one.API_VERSION < FOLLOWER_VERSION) == FetchRequest._CLASSES
    assert client_module.MetadataRequest is LookupRequest
    assert admin_module.MetadataRequest is LookupRequest
    for module, owner in MAKERS:
        assert "AIOKafkaClient" in owner.__init__.__code__.co_names
        assert module.AIOKafkaClient is PatchedClient
    assert PatchedClient.__bases__ == (AIOKafkaClient,)
    assert PatchedAdminClient.__bases__ == (AIOKafkaAdminClient,)
    assert BOOTSTRAP[0] in AIOKafkaClient.bootstrap.__code__.co_consts
    assert LookupRequest.__bases__ == (MetadataRequest,)


def test_the_consumer_of_an_application_makes_its_client_in_a_thread() -> None:
    assert "_thread" in ThreadDelegateConsumer.__init__.__code__.co_names
    assert AIOKafkaConsumerThread._consumer is None
    assert {"_create_consumer", "_consumer"} <= set(AIOKafkaConsumerThread.on_start.__code__.co_names)


def test_the_event_of_a_stream() -> None:
    assert isinstance(faust.streams._current_event, ContextVar)
