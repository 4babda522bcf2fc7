"""Whole e-mails on the input topic of a real Kafka, decided by the shipped bundle."""

from email.message import EmailMessage
from typing import Any

import pytest

from tests.kafka.harness import KafkaHarness
from tests.records import headers_of, json_of

pytestmark = pytest.mark.kafka

SECRET = "what is in the attachment"

HTML = """\
<html><head><style>p { color: #333; font-family: Arial }</style></head><body>
<p>Hello,</p><p>where is my <b>parcel</b>? It should have been here last week.</p>
<div class="gmail_quote"><div>On Thu, 5 Mar 2026 at 10:12, Shop &lt;help@shop.example&gt; wrote:</div>
<blockquote class="gmail_quote">Do you want to cancel your order? Then answer this mail.</blockquote></div>
</body></html>"""

BOUNCE = b"""\
From: Mail Delivery System <MAILER-DAEMON@mail.example>
To: help@shop.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce@mail.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message about "where is my parcel" could not be delivered.
--b
Content-Type: message/delivery-status

Action: failed
--b--
"""


def mail() -> bytes:
    """A mail as Gmail writes it: HTML alone, a quotation of the shop's own words, and an attachment."""
    message = EmailMessage()
    message["From"] = "Anna Klein <Anna@Mail.example>"
    message["To"] = "help@shop.example"
    message["Subject"] = "Re: your order"
    message["Message-ID"] = "<m2@mail.example>"
    message["In-Reply-To"] = "<m1@shop.example>"
    message.set_content(HTML, subtype="html")
    message.add_attachment(SECRET.encode(), maintype="application", subtype="pdf", filename="invoice.pdf")
    return message.as_bytes()


async def test_an_email_becomes_an_intent_and_a_bounce_has_none(harness: KafkaHarness) -> None:
    pytest.importorskip("selectolax")
    await harness.create_topics(partitions=1)
    await harness.produce([(b"k", mail()), (b"k", BOUNCE), (b"k", b"no e-mail")])
    worker = harness.start(module="triage_worker worker", input_format="email", threads="1")
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()

    (intent,) = [json_of(record) for record in await harness.read(harness.output)]
    assert (intent["intent"], intent["decided_by"]) == ("WISMO", "model")
    assert (intent["message_id"], intent["conversation_id"]) == ("m2@mail.example", "m1@shop.example")
    assert (intent["customer_id"], intent["channel"], intent["language"]) == ("anna@mail.example", "email", "en")
    assert intent["metadata"]["attachments"] == "invoice.pdf"

    (refused,) = [json_of(record) for record in await harness.read(harness.fallback)]
    assert (refused["reason"], refused["confidence"]) == ("out_of_scope", 0.0)
    assert refused["metadata"]["automatic"] == "bounce"
    assert "could not be delivered" in refused["text"]

    (dead_letter,) = await harness.read(harness.dead_letters)
    assert headers_of(dead_letter)["dlq.error"] == b"not_email"
    everything: list[Any] = [intent, refused, dead_letter.value]
    assert not any(SECRET in str(one) for one in everything)
