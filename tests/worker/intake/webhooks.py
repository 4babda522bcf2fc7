"""Bodies of webhooks, one of each kind, in the shape that the vendors document, with words of our own."""

from typing import Any

TEXT = "my parcel has not come yet"

ZENDESK_COMMENT: dict[str, Any] = {
    "type": "zen:event-type:ticket.comment_added",
    "account_id": 4242,
    "id": "0f6c1f6e-0c53-4d3e-a7b0-2c6f2f6a1c11",
    "time": "2026-11-24T09:00:00.123456789Z",
    "zendesk_event_version": "2022-11-06",
    "subject": "zen:ticket:35436",
    "event": {
        "comment": {
            "id": "8801",
            "body": TEXT,
            "is_public": True,
            "author": {"id": "77", "is_staff": False, "name": "Ana"},
        }
    },
    "detail": {
        "id": "35436",
        "subject": "Order 4711",
        "description": "hello, a question",
        "requester_id": "77",
        "submitter_id": "77",
        "is_public": True,
        "status": "OPEN",
        "via": {"channel": "email"},
    },
}
ZENDESK_CREATED: dict[str, Any] = ZENDESK_COMMENT | {
    "type": "zen:event-type:ticket.created",
    "event": {},
    "detail": ZENDESK_COMMENT["detail"] | {"description": TEXT},
}
ZENDESK_CHAT: dict[str, Any] = {
    "type": "zen:event-type:messaging_ticket.message_added",
    "account_id": 4242,
    "id": "01JQ",
    "time": "2026-11-24T09:00:00Z",
    "subject": "zen:ticket:141",
    "detail": {"id": "141"},
    "event": {
        "actor": {"id": "900", "name": "Ana", "type": "end_user"},
        "conversation_id": "67ab",
        "message": {"id": "67ac", "body": TEXT},
    },
}
INTERCOM_CREATED: dict[str, Any] = {
    "type": "notification_event",
    "id": "notif_1",
    "topic": "conversation.user.created",
    "app_id": "abc",
    "created_at": 1_795_510_800,
    "data": {
        "type": "notification_event_data",
        "item": {
            "type": "conversation",
            "id": "2150",
            "created_at": 1_795_510_790,
            "source": {
                "type": "email",
                "id": "403",
                "subject": "<p>Order 4711</p>",
                "body": f"<p>{TEXT}</p>",
                "author": {"type": "user", "id": "64f1", "email": "ana@example.com"},
            },
            "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [], "total_count": 0},
        },
    },
}
INTERCOM_REPLIED: dict[str, Any] = INTERCOM_CREATED | {
    "id": "notif_2",
    "topic": "conversation.user.replied",
    "data": {
        "item": INTERCOM_CREATED["data"]["item"]
        | {
            "conversation_parts": {
                "conversation_parts": [
                    {
                        "id": "1",
                        "part_type": "comment",
                        "body": "<p>an earlier one</p>",
                        "created_at": 1_795_510_800,
                        "author": {"type": "user", "id": "64f1"},
                    },
                    {
                        "id": "3",
                        "part_type": "comment",
                        "body": f"<p>{TEXT}</p>",
                        "created_at": 1_795_510_900,
                        "author": {"type": "lead", "id": "64f1"},
                    },
                    {
                        "id": "4",
                        "part_type": "note",
                        "body": "<p>for colleagues</p>",
                        "created_at": 1_795_510_950,
                        "author": {"type": "admin", "id": "9"},
                    },
                ]
            }
        }
    },
}
FRONT_EVENT: dict[str, Any] = {
    "_links": {"self": "https://api2.example.com/events/evt_1"},
    "id": "evt_1",
    "type": "inbound",
    "emitted_at": 1_795_510_800.5,
    "conversation": {"id": "cnv_55", "subject": "Order 4711", "status": "unassigned"},
    "source": {"_meta": {"type": "inboxes"}, "data": [{"id": "inb_1"}]},
    "target": {
        "_meta": {"type": "message"},
        "data": {
            "id": "msg_9",
            "type": "email",
            "is_inbound": True,
            "created_at": 1_795_510_799.25,
            "blurb": TEXT[:10],
            "body": f"<div>{TEXT}</div>",
            "text": TEXT,
            "recipients": [
                {"handle": "help@shop.example", "role": "to"},
                {"handle": "ana@example.com", "role": "from"},
            ],
        },
    },
}
FRONT_APPLICATION: dict[str, Any] = {
    "type": "inbound_received",
    "authorization": {"id": "cmp_1"},
    "payload": FRONT_EVENT,
}
CHATWOOT: dict[str, Any] = {
    "event": "message_created",
    "id": 812,
    "content": TEXT,
    "created_at": "2026-11-24 09:00:00 UTC",
    "message_type": "incoming",
    "content_type": "text",
    "content_attributes": {},
    "private": False,
    "source_id": None,
    "sender": {"id": 5, "name": "Ana", "email": "ana@example.com", "type": "contact"},
    "inbox": {"id": 1, "name": "Site"},
    "conversation": {"id": 77, "channel": "Channel::WebWidget", "status": "open"},
    "account": {"id": 3, "name": "Shop"},
}
GORGIAS_MESSAGE: dict[str, Any] = {
    "id": 991,
    "ticket_id": 4712,
    "public": True,
    "from_agent": False,
    "channel": "email",
    "source": {"type": "email", "from": {"address": "ana@example.com"}},
    "sender": {"id": 870, "email": "ana@example.com"},
    "subject": "Order 4711",
    "body_text": TEXT,
    "body_html": f"<div>{TEXT}</div>",
    "created_datetime": "2026-11-24T09:00:00",
}
GORGIAS_TICKET: dict[str, Any] = {
    "id": 4712,
    "subject": "Order 4711",
    "status": "open",
    "channel": "email",
    "language": "en",
    "customer": {"id": 870, "email": "ana@example.com"},
    "messages": [
        GORGIAS_MESSAGE | {"id": 980, "body_text": "an earlier one", "created_datetime": "2026-11-23T09:00:00"},
        GORGIAS_MESSAGE,
    ],
}
FRESHDESK: dict[str, Any] = {
    "freshdesk_webhook": {
        "ticket_id": 11,
        "ticket_subject": "Order 4711",
        "ticket_description": "<div>hello, a question</div>",
        "ticket_latest_public_comment": f'Ana B : <div dir="ltr">{TEXT}</div>',
        "ticket_contact_email": "ana@example.com",
        "ticket_source": "Email",
    }
}
PLAIN: dict[str, Any] = {
    "text": TEXT,
    "message_id": "m-1",
    "conversation_id": "c-1",
    "customer_id": 42,
    "channel": "chat",
    "metadata": {"tier": "gold", "visits": 3, "list": [1]},
}

BY_KIND: dict[str, list[dict[str, Any]]] = {
    "zendesk": [ZENDESK_COMMENT, ZENDESK_CREATED, ZENDESK_CHAT],
    "intercom": [INTERCOM_CREATED, INTERCOM_REPLIED],
    "front": [FRONT_EVENT, FRONT_APPLICATION],
    "chatwoot": [CHATWOOT],
    "gorgias": [{"ticket": GORGIAS_TICKET, "message": GORGIAS_MESSAGE}, GORGIAS_TICKET, {"ticket": GORGIAS_TICKET}],
    "freshdesk": [FRESHDESK],
    "plain": [PLAIN, {"messages": [PLAIN]}],
}
"""Webhooks of each kind, each with the same text of a customer."""
