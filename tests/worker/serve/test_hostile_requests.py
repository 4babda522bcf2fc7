"""Requests that do not go by the rules end well: with an answer or a closed connection, and the service goes on."""

import asyncio
import http.client
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from triage_worker.resilience.tasks import wait_until

from tests.worker.serve.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = b"Content-Type: application/json\r\n"
POST = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\n" + JSON


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    limits = {"serve_max_body_bytes": 100_000, "serve_timeout_s": 2}
    async with running(tmp_path_factory.mktemp("serve"), **limits) as started:
        yield started
        assert await status(started, request(b'{"text": "where is my parcel"}')) == 200
        assert "Traceback" not in started.log.read_text()


def request(body: bytes, headers: bytes = JSON, *, last: bool = True) -> bytes:
    close = b"Connection: close\r\n" if last else b""
    head = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\n%s%sContent-Length: %d\r\n\r\n"
    return head % (headers, close, len(body)) + body


async def status(service: Running, sent: bytes) -> int:
    """Return the status of the only answer."""
    answer = await service.exchange(sent)
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"text": "where is my\\u0000parcel\\u0000"}', 200),
        (b'{"text": "\\ud83d"}', 400),
        (b'{"text": "\\udc00\\ud800"}', 400),
        (b'{"text": "\xff\xfe"}', 400),
        (b'{"text": "caf\xc3"}', 400),
        (b'{"text": "\\ud83d\\ude00 where is my parcel"}', 200),
        (b"[" * 50_000, 400),
        (b'{"texts":' * 10_000, 400),
        (b'{"texts": [' + b"[" * 500 + b"]" * 500 + b"]}", 422),
        (b'{"text": "a", "text": "where is my parcel"}', 200),
        (b'{"text": 1e999}', 400),
        (b'{"text": NaN}', 400),
        (b"\xef\xbb\xbf" + b'{"text": "a"}', 400),
        (b"null", 422),
        (b"", 400),
        (b"   ", 400),
        (b'{"text": "a"} {"text": "b"}', 400),
    ],
)
async def test_bodies(service: Running, body: bytes, expected: int) -> None:
    assert await status(service, request(body)) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"", 415),
        (b"Content-Type: text/json\r\n", 415),
        (b"Content-Type: application/json; charset=latin-1\r\n", 415),
        (b"Content-Type: application/json; charset=UTF-8\r\n", 200),
        (b"Content-Type: Application/JSON\r\n", 200),
        (JSON + b"Content-Encoding: gzip\r\n", 415),
        (JSON + b"Upgrade: websocket\r\nConnection: Upgrade\r\n", 200),
        (JSON + b"X-Much: " + b"a" * 30_000 + b"\r\n", 200),
        (JSON + b"X-Bad: a\x00b\r\n", 400),
        (JSON + b"Transfer-Encoding: chunked\r\n", 400),
    ],
)
async def test_headers(service: Running, headers: bytes, expected: int) -> None:
    assert await status(service, request(b'{"text": "where is my parcel"}', headers)) == expected


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\nHost: a\n\n",
    ],
)
async def test_what_is_no_http_is_refused(service: Running, sent: bytes) -> None:
    answer = await service.exchange(sent)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))


async def test_requests_on_one_connection_are_answered_in_order(service: Running) -> None:
    bodies = [b'{"text": "where is my parcel", "message_id": "m%d"}' % number for number in range(20)]
    sent = b"".join(request(body, last=number == 19) for number, body in enumerate(bodies))
    answer = await service.exchange(sent)
    assert answer.count(b"HTTP/1.1 200") == 20
    found = [answer.index(b'"m%d"' % number) for number in range(20)]
    assert found == sorted(found)


async def test_a_body_of_50_megabytes_gets_its_answer_and_takes_no_memory(service: Running) -> None:
    def send() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        connection.request("POST", "/v1/classify", b" " * 50_000_000, {"Content-Type": "application/json"})
        answered = connection.getresponse().status
        connection.close()
        return answered

    before = resident_bytes(service)
    assert await asyncio.to_thread(send) == 413
    assert resident_bytes(service) - before < 20_000_000


async def test_a_body_without_a_length_ends_at_the_limit(service: Running) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(head + (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 2)
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 60)
    writer.close()


async def test_a_client_that_waits_for_100_is_refused_before_it_sends(service: Running) -> None:
    head = (
        b"POST /v1/classify HTTP/1.1\r\nHost: a\r\n" + JSON + b"Expect: 100-continue\r\nContent-Length: 9000000\r\n\r\n"
    )
    assert await status(service, head) == 413


async def test_a_slow_body_is_given_up_with_an_answer(service: Running) -> None:
    started = monotonic()
    answer = await service.exchange(request(b'{"text": "where is my parcel"}')[:-5])
    assert b" 408 " in answer
    assert b'"too_slow"' in answer
    assert 1.5 < monotonic() - started < 30


@pytest.mark.parametrize("begun", [b"", b"POST /v1/cla", b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_a_connection_that_sends_no_request_is_closed(service: Running, begun: bytes) -> None:
    started = monotonic()
    assert await service.exchange(begun) == b""
    assert 2 < monotonic() - started < 30


async def test_endless_headers_are_refused(service: Running) -> None:
    answer = await service.exchange(b"GET /livez HTTP/1.1\r\n" + b"X-Much: aaaaaaaaaaaaaaaa\r\n" * 20_000)
    assert answer == b"" or b" 400 " in answer


async def test_a_client_that_leaves_is_noticed(service: Running) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    # All different: a text that came before is answered from memory, too fast for anybody to leave.
    wishes = (f'"where is parcel {number}, i wait for it since a week and nobody answers"' for number in range(250))
    texts = ",".join(wishes).encode()
    writer.write(request(b'{"texts": [' + texts + b"]}", last=False))
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    async with asyncio.timeout(60):
        await wait_until(lambda: "client_gone" in service.log.read_text())


def resident_bytes(service: Running) -> int:
    return int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]) * 4_096
