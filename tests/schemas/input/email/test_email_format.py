"""E-mails as values: what is read of them, and that none of them crashes the decoder."""

import base64
import random
from email.message import EmailMessage

import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected

from tests.schemas.input.examples import SOURCE, accepted

EMAIL = InputShape(format="email")
PLAIN = (
    b"From: =?iso-8859-1?Q?J=F6rg?= Klein <Joerg@Mail.example>\r\nTo: help@shop.example\r\n"
    b"Subject: =?utf-8?B?" + base64.b64encode("Größe der Stiefel".encode()) + b"?=\r\n"
    b"Message-ID: <m2@mail.example>\r\nReferences: <m0@shop.example>\r\n <m1@mail.example>\r\n"
    b"In-Reply-To: <m1@mail.example>\r\nDate: Thu, 5 Mar 2026 10:12:00 +0100\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"can i swap them for a 42?\r\n"
)


def built(html: str = "", plain: str = "", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = "anna@mail.example"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(plain) if plain else None
    if html and plain:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    return message.as_bytes()


def read(value: bytes, shape: InputShape = EMAIL) -> CustomerMessage:
    return accepted(value, shape)


def rejected(value: bytes) -> str:
    result = decode(value, SOURCE, EMAIL)
    assert isinstance(result, Rejected), result
    return result.code


def test_headers_become_fields() -> None:
    assert read(PLAIN) == CustomerMessage(
        text="Subject: Größe der Stiefel\n\ncan i swap them for a 42?",
        message_id="m2@mail.example",
        conversation_id="m0@shop.example",
        customer_id="joerg@mail.example",
        channel="email",
        created_at="2026-03-05T09:12:00Z",
        metadata={"subject": "Größe der Stiefel", "from_name": "Jörg Klein", "to": "help@shop.example"},
    )


def test_a_conversation_is_found_by_the_first_message_that_is_named() -> None:
    assert read(built(plain="hi", In_Reply_To="<a@x>", Message_ID="<b@x>")).conversation_id == "a@x"
    assert read(built(plain="hi", Message_ID="<b@x>")).conversation_id == "b@x"
    message = read(built(plain="hi"))
    assert (message.message_id, message.conversation_id) == ("customer.messages-3-1042", None)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("us-ascii", "größer".encode()),
        ("iso-8859-1", "größer".encode()),
        ("utf-8", "größer".encode("cp1252")),
        ("iso-8859-1", "größer".encode("cp1252")),
        ("utf-8", "größer".encode()),
        ("no-such-charset", "größer".encode()),
        ("no-such-charset", "größer".encode("cp1252")),
        ("base64", "größer".encode()),
        ("punycode", "größer".encode()),
        ("iso-8859-15", "größer".encode("iso-8859-15")),
        ("utf-16", "größer".encode("utf-16")),
    ],
)
def test_a_charset_that_is_declared_wrongly_is_survived(declared: str, value: bytes) -> None:
    body = base64.b64encode(value)
    head = f"Subject: x\nContent-Type: text/plain; charset={declared}\nContent-Transfer-Encoding: base64\n\n"
    assert read(head.encode() + body).text == "Subject: x\n\ngrößer"


def test_plain_text_is_preferred_unless_it_only_points_to_the_html() -> None:
    shape = InputShape(format="email", html_to_text=lambda source: f"read {source.strip()}")
    assert read(built("<p>html</p>", "plain"), shape).text == "plain"
    assert read(built("<p>hello</p>"), shape).text == "read <p>hello</p>"
    assert read(built("<p>hello</p>", "Please use an HTML viewer."), shape).text == "read <p>hello</p>"
    assert read(built("<p>hello</p>")).text == "<p>hello</p>"


def test_attachments_are_named_and_not_read() -> None:
    message = EmailMessage()
    message.set_content("it came broken")
    message.add_attachment(b"\xff\xd8", maintype="image", subtype="jpeg", filename="Foto größer.jpg")
    message.add_attachment("not read", filename="notes.txt")
    found = read(b"Subject: broken\n" + message.as_bytes())
    assert found.text == "Subject: broken\n\nit came broken"
    assert found.metadata["attachments"] == "Foto größer.jpg, notes.txt"


def test_a_subject_alone_is_a_message() -> None:
    assert read(b"Subject: where is order 5512\n\n").text == "Subject: where is order 5512\n\n"
    assert rejected(b"Subject:\nFrom: a@x\n\n \n") == "text_blank"


def test_folded_lines_are_joined() -> None:
    head = b"Subject: x\nContent-Type: text/plain; format=flowed\n\n"
    assert read(head + b"where is my \nparcel\n\n-- \nAnna\n").text == "Subject: x\n\nwhere is my parcel\n\n-- \nAnna"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto_Submitted": "auto-generated; x=y"}, "auto_generated"),
        ({"X_Autoreply": "yes"}, "auto_reply"),
        ({"Precedence": "auto_reply"}, "auto_reply"),
        ({"Precedence": "Bulk"}, "newsletter"),
        ({"List_Id": "<news.shop.example>"}, "newsletter"),
        ({"List_Unsubscribe": "<https://shop.example/u>"}, "newsletter"),
        ({"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, "auto_generated"),
        ({"X_Auto_Response_Suppress": "All", "In_Reply_To": "<a@x>"}, "auto_reply"),
        ({"X_Failed_Recipients": "b@x"}, "bounce"),
        ({"Auto_Submitted": "no"}, None),
        ({"X_Auto_Response_Suppress": "DR, RN"}, None),
        ({"List_Id": "<help.shop.example>", "Precedence": "list", "X_Google_Group_Id": "7"}, None),
        ({}, None),
    ],
)
def test_messages_that_no_customer_wrote_are_recognised(headers: dict[str, str], kind: str | None) -> None:
    message = read(built(plain="I want to return it", **headers))
    assert message.automatic == (kind is not None)
    assert message.metadata.get("automatic") == kind


def test_a_report_on_delivery_is_a_bounce() -> None:
    value = (
        b'From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        b"--b\n\nYour message could not be delivered.\n--b\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; x@y\nAction: failed\n\n--b--\n"
    )
    message = read(value)
    assert (message.automatic, message.metadata["automatic"]) == (True, "bounce")
    assert message.text == "Your message could not be delivered."


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b'{"text": "hi"}', "not_email"),
        (b"where is my parcel", "not_email"),
        (b"\xff\xfe\x00", "not_email"),
        (b"\r\n\r\n", "not_email"),
        (b"From: a@x\n\n", "text_blank"),
        (b"Content-Type: multipart/mixed; boundary=a\n\n" * 60, "too_deep"),
        (b"Subject: x\n\n" + b"a" * 70_000, "text_too_large"),
    ],
)
def test_values_that_cannot_be_read_have_stable_codes(value: bytes, code: str) -> None:
    assert rejected(value) == code


def test_deeply_nested_parts_do_not_hurt() -> None:
    value = b"deep"
    for depth in range(49):
        head = b"Subject: x\nContent-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)
        value = head + value + b"\n--b%d--\n" % depth
    assert isinstance(decode(value, SOURCE, EMAIL), CustomerMessage | Rejected)


def test_mutated_mails_are_read_or_rejected() -> None:
    rng = random.Random(7)
    seeds = [PLAIN, built("<p>hi</p>", "hello", Subject="x"), built("<p>a</p>", Date="nonsense", Message_ID="<a@x>")]
    tokens = (
        b"=?utf-8?B?//?=",
        b"\xff",
        b"\0",
        b"--",
        b"Content-Type: multipart/mixed; boundary=\n",
        b"\n\n",
        b'"',
        b"<",
    )
    for _ in range(1_500):
        value = rng.choice(seeds)
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(value) + 1)
            value = value[:at] + rng.choice(tokens) + value[at + rng.randint(0, 6) :]
        result = decode(value, SOURCE, EMAIL)
        assert isinstance(result, CustomerMessage | Rejected)
        if isinstance(result, CustomerMessage):
            result.text.encode()
            assert "\n" not in result.message_id
