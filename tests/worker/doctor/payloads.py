"""Records as the topics of shops and helpdesks have them, with real messages of customers in them."""

import gzip
import json
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiokafka.structs import ConsumerRecord

from tests.models.serving.shipped import texts

TOPIC = "shop.messages"
AT = 1_790_000_000_000
"""The time of the first record, in milliseconds."""

NAMES = ("Anna Silva", "Tom Becker", "Priya Nair", "Jean Dupont", "Maria Rossi")
SPANISH = (
    "hola, ¿dónde está mi pedido? lleva tres días de retraso",
    "quiero devolver los zapatos que compré la semana pasada",
    "me han cobrado dos veces el mismo pedido, por favor revisen",
    "la lámpara llegó rota, necesito que me manden otra",
    "¿puedo cambiar la talla de la camiseta por una más grande?",
)
SWEDISH = (
    "hej, var är mitt paket? det skulle ha kommit i måndags",
    "jag vill gärna skicka tillbaka skorna, hur gör jag då",
)


def record(value: bytes | None, number: int = 0, key: bytes | None = b"k", headers: Any = ()) -> ConsumerRecord:
    """Make a record; records of higher numbers are later."""
    return ConsumerRecord(
        topic=TOPIC,
        partition=number % 3,
        offset=number // 3,
        timestamp=AT + 60_000 * number,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple(headers),
    )


def records(values: Iterable[bytes | None]) -> list[ConsumerRecord]:
    return [record(value, number) for number, value in enumerate(values)]


def as_json(build: Callable[[int, str], Any], count: int = 30, messages: Sequence[str] | None = None) -> list[bytes]:
    """Make values of JSON, one for each message."""
    return [json.dumps(build(number, text)).encode() for number, text in enumerate(messages or texts(count))]


def uuid(number: int) -> str:
    return f"{number * 7919:08x}-3f2a-4b1c-9d8e-{number:012x}"


def instant(number: int) -> str:
    return f"2026-09-{1 + number % 28:02d}T10:{number % 60:02d}:00Z"


def plain(number: int, text: str) -> Any:
    """What Triage reads without any setting."""
    return {"message_id": uuid(number), "conversation_id": f"c-{number // 3}", "text": text, "channel": "chat"}


def chat(number: int, text: str) -> Any:
    """A shop's own chat: the message of the tutorial."""
    return {
        "payload": {"body": {"text": text}, "ticket": {"id": f"t-{number // 2}"}, "sentAt": instant(number)},
        "version": 3,
        "eventId": uuid(number),
    }


def zendesk(number: int, text: str) -> Any:
    """An event of Zendesk about a comment."""
    return {
        "type": "zen:event-type:ticket.comment_added",
        "account_id": 12514403,
        "id": uuid(number),
        "time": instant(number),
        "zendesk_event_version": "2022-06-20",
        "subject": f"zen:ticket:{5000 + number // 2}",
        "detail": {
            "id": str(5000 + number // 2),
            "subject": f"Order {700 + number} " + ("late" if number % 2 else "question about it"),
            "status": "OPEN",
            "priority": "NORMAL",
            "requester_id": str(900 + number),
            "via": {"channel": "web_service"},
            "tags": ["vip", "eu"],
            "created_at": instant(number),
        },
        "event": {
            "comment": {
                "id": str(7_000_000 + number),
                "body": text,
                "is_public": True,
                "author": {"id": str(900 + number), "is_staff": False, "name": NAMES[number % len(NAMES)]},
            }
        },
    }


def intercom(number: int, text: str) -> Any:
    """A notification of Intercom about a conversation, whose first message is in ``source``."""
    author = {"type": "user", "id": uuid(number + 9), "name": NAMES[number % len(NAMES)], "email": "anna@example.com"}
    parts: list[dict[str, Any]] = [
        {"body": "<p>Hello, this is the shop. How can I help you?</p>", "author": {"type": "bot", "id": "1"}},
        {"body": f"<p>{text}</p>", "author": author},
    ]
    for turn, part in enumerate(parts):
        part |= {
            "type": "conversation_part",
            "id": str(100 * turn + number),
            "created_at": 1_790_000_000 + number + turn,
        }
    item = {
        "type": "conversation",
        "id": str(147_000 + number // 2),
        "created_at": 1_790_000_000,
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": parts, "total_count": 2},
        "open": True,
    }
    return {
        "type": "notification_event",
        "topic": "conversation.user.replied",
        "id": f"notif_{uuid(number)}",
        "created_at": 1_790_000_000 + number,
        "data": {"type": "notification_event_data", "item": item},
    }


def freshdesk(number: int, text: str) -> Any:
    """A ticket with its text twice: as HTML and without."""
    return {
        "ticket": {
            "id": 3000 + number,
            "subject": f"Problem {number}",
            "description": f"<div>{text}</div><br>",
            "description_text": text,
            "requester": {"name": NAMES[number % len(NAMES)], "email": f"user{number}@example.com", "phone": None},
            "status": 2,
            "updated_at": instant(number),
        }
    }


def whatsapp(number: int, text: str) -> Any:
    """A webhook of WhatsApp, which nests lists."""
    message = {"from": f"49151{number:07d}", "id": f"wamid.{number:020d}", "timestamp": "1790000000", "type": "text"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4930123456", "phone_number_id": "1064"},
        "messages": [message | {"text": {"body": text}}],
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "88", "changes": [{"value": value, "field": "messages"}]}],
    }


def transcript(number: int, text: str) -> Any:
    """A whole conversation in each record, without times: the newest message is the last."""
    turns = [{"role": "assistant", "content": "Hi! What can I do for you?"}, {"role": "user", "content": text}]
    return {"session": {"id": uuid(number)}, "messages": turns, "model": "shop-bot-2"}


def mail_in_json(number: int, text: str) -> Any:
    """An e-mail as an importer writes it."""
    return {
        "headers": {"messageId": f"<{uuid(number)}@mail.example.com>", "from": "Anna Silva <anna@example.com>"},
        "threadId": f"thr-{number // 2}",
        "betreff": f"Ihre Rechnung {number} vom September",
        "inhalt": text,
        "empfangen": instant(number),
    }


def page_view(number: int, _text: str) -> Any:
    """What customers click: no message."""
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    return {
        "event": "page_view",
        "session_id": uuid(number // 4),
        "url": f"https://shop.example.com/products/{number}?ref=mail",
        "user_agent": agent,
        "ip": f"192.0.2.{number}",
        "ts": 1_790_000_000_000 + number,
        "properties": {"title": "Home", "duration_ms": number * 10},
    }


def order(number: int, _text: str) -> Any:
    """An order, whose products have names."""
    colours = ("red", "blue", "green", "yellow")
    line = {
        "sku": f"SKU-{number}",
        "title": f"Wooden toy train, {colours[number % 4]}",
        "quantity": 1,
        "price": "19.90",
    }
    return {
        "order_id": 10_000 + number,
        "status": "paid",
        "items": [line],
        "customer": {"id": number, "name": NAMES[0]},
    }


def debezium(number: int, text: str) -> Any:
    """A row of a table as Debezium writes it, with its schema; every fifth is a deletion, every sixth an update."""
    row = {
        "id": number,
        "conversation_id": number // 2,
        "author": "customer",
        "text": text,
        "created_at": 1_790_000_000_000,
    }
    source = {"version": "3.0", "connector": "postgresql", "name": "shop", "table": "messages", "schema": "public"}
    payload: dict[str, Any] = {"before": None, "after": row, "source": source, "op": "c", "ts_ms": AT + number}
    if number % 5 == 4:
        payload |= {"before": row, "after": None, "op": "d"}
    elif number % 6 == 5:
        payload |= {"before": {**row, "author": "?"}, "op": "u"}
    return {"schema": {"type": "struct", "fields": [], "optional": False}, "payload": payload}


def debezium_mongodb(number: int, text: str) -> Any:
    """A document of MongoDB, which Debezium writes as a string."""
    after = json.dumps({"_id": {"$oid": f"{number:024x}"}, "thread": {"id": f"th{number}"}, "message": text})
    return {"after": after, "op": "c", "ts_ms": AT, "source": {"connector": "mongodb"}, "updateDescription": None}


def maxwell(number: int, text: str) -> Any:
    row = {"id": number, "ticket_id": number // 2, "body": text}
    return {"database": "shop", "table": "messages", "type": "insert", "ts": 1_790_000_000, "xid": number, "data": row}


def canal(number: int, text: str) -> Any:
    rows = [{"id": str(number), "conversation_id": str(number // 2), "content": text}]
    return {"data": rows, "database": "shop", "table": "msg", "type": "INSERT", "isDdl": False, "old": None, "ts": AT}


def dynamodb(number: int, text: str) -> Any:
    image = {"pk": {"S": f"c#{number}"}, "conversationId": {"S": f"c{number // 2}"}, "text": {"S": text}}
    change = {"Keys": {"pk": {"S": f"c#{number}"}}, "NewImage": image, "SequenceNumber": "111", "SizeBytes": 26}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change, "tableName": "messages"}


def email(number: int, text: str) -> bytes:
    """A whole e-mail."""
    lines = [
        f"From: {NAMES[number % len(NAMES)]} <customer{number}@example.com>",
        "To: help@shop.example.com",
        f"Subject: Question {number}",
        f"Message-ID: <{uuid(number)}@mail.example.com>",
        "Date: Mon, 07 Sep 2026 10:00:00 +0200",
        'Content-Type: text/plain; charset="utf-8"',
    ]
    return ("\r\n".join(lines) + f"\r\n\r\n{text}\r\n").encode()


def garbage(count: int = 30) -> list[bytes]:
    """Bytes that are nothing."""
    rng = random.Random(7)
    return [b"\xff\xfe\x00" + rng.randbytes(40) for _ in range(count)]


def compressed(count: int = 30) -> list[bytes]:
    """JSON that the producer itself has compressed."""
    return [gzip.compress(value) for value in as_json(plain, count)]


def xml(count: int = 30) -> list[bytes]:
    return [
        f'<?xml version="1.0"?><message id="{n}"><body>{text}</body></message>'.encode()
        for n, text in enumerate(texts(count))
    ]
