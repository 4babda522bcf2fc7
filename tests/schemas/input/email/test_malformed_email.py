"""E-mails whose parts or charsets are not declared as they are: what was written is read all the same."""

import base64

import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.input.email.charsets import decoded
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected

from tests.schemas.input.examples import SOURCE, accepted

EMAIL = InputShape(format="email", html_to_text=lambda source: f"read {source.strip()}")
KINDS = (
    *("multipart/mixed", 'multipart/mixed; boundary="other"', "multipart/alternative", "multipart/related; boundary=x"),
    *('multipart/alternative; boundary=""', "Multipart/Mixed; charset=utf-8", "multipart/x*y"),
)
PARTS = (
    "This is a multi-part message in MIME format.\r\n\r\n--=_b0'(1)\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode("wo ist es, Jörg".encode()).decode() + "\r\n"
    "--=_b0'(1)\r\nContent-Type: image/png; name=\"lid.png\"\r\n\r\n\x01\x02\r\n--=_b0'(1)--\r\n"
)


def read(kind: str, body: bytes) -> CustomerMessage:
    return accepted(b"Subject: x\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body, EMAIL)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_found_without_their_boundary(kind: str) -> None:
    message = read(kind, PARTS.encode())
    assert message.text == "Subject: x\n\nwo ist es, Jörg"
    assert message.metadata["attachments"] == "lid.png"


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_without_parts_is_read_as_text(kind: str) -> None:
    assert read(kind, "where is it, Jörg?\n-\nAnna".encode()).text == "Subject: x\n\nwhere is it, Jörg?\n-\nAnna"
    assert read(kind, b" <p>where is it</p>").text == "Subject: x\n\nread <p>where is it</p>"
    assert read(kind, b"i paid <50 euro").text == "Subject: x\n\ni paid <50 euro"


def test_parts_in_parts_are_found_too() -> None:
    inner = "--in\nContent-Type: multipart/alternative\n\n" + PARTS + "\n--in--\n"
    assert read("multipart/mixed", inner.encode()).text == "Subject: x\n\nwo ist es, Jörg"
    whole = b"--b\nContent-Type: multipart/alternative\n\nwhere is it\n--b--\n"
    assert read("multipart/mixed; boundary=b", whole).text == "Subject: x\n\nwhere is it"


def test_what_is_above_the_parts_is_read_if_they_have_no_text() -> None:
    picture = b"--b\nContent-Type: image/png; name=lid.png\n\n0\n--b--\n"
    message = read("multipart/mixed; boundary=b", b"where is it\n" + picture)
    assert (message.text, message.metadata["attachments"]) == ("Subject: x\n\nwhere is it", "lid.png")
    notice = b"This is a multi-part message in MIME format.\n"
    assert read("multipart/mixed; boundary=b", notice + picture).text == "Subject: x\n\n"
    plain = b"--b\n\nhello\n--b--\n"
    assert read("multipart/mixed; boundary=b", notice + plain).text == "Subject: x\n\nhello"


def test_an_attachment_that_is_said_to_have_parts_is_not_read() -> None:
    body = (
        b"--b\n\nhello\n--b\nContent-Type: multipart/mixed\nContent-Disposition: attachment; filename=a\n\nno\n--b--\n"
    )
    message = read("multipart/mixed; boundary=b", body)
    assert (message.text, message.metadata["attachments"]) == ("Subject: x\n\nhello", "a")


@pytest.mark.parametrize(
    "unit", [b"--a\n", b"--a\nContent-", b"--\nContent-Type: x\n\n", b"--" * 99 + b"\n", b"<" * 99, b" "]
)
def test_hostile_bodies_without_a_boundary_are_survived(unit: bytes) -> None:
    value = b"Subject: x\nContent-Type: multipart/mixed\n\n" + unit * (200_000 // len(unit))
    assert isinstance(decode(value, SOURCE, EMAIL), CustomerMessage | Rejected)


ARABIC = ("أين طلبي رقم 5512؟", "طلبي", "مرحبا، أريد إرجاع المعطف", "لم تصل الشحنة حتى الآن, order 5512 (Nike)")
OTHERS = (
    *(("größer für schöne Füße", "cp1252"), ("où est ma commande déjà réglée à l'été", "cp1252"), ("ÄÖÜ", "cp1252")),
    *(("¿dónde está el niño?", "cp1252"), ("não, às três já está em São João", "cp1252"), ("«été» – «à»", "cp1252")),
)


@pytest.mark.parametrize("text", ARABIC)
@pytest.mark.parametrize("declared", [None, "us-ascii", "iso-8859-1", "no-such-charset"])
def test_arabic_is_recognised_without_its_charset(text: str, declared: str | None) -> None:
    assert decoded(text.encode("cp1256"), declared) == text


@pytest.mark.parametrize(("text", "charset"), OTHERS)
def test_western_letters_are_not_taken_for_arabic(text: str, charset: str) -> None:
    assert decoded(text.encode(charset), None) == text


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Здравствуйте, где мой заказ, я жду уже две недели", "cp1251"),
        ("Καλησπέρα, πού είναι η παραγγελία μου", "cp1253"),
        ("שלום, איפה החבילה שלי, היא עוד לא הגיעה", "cp1255"),
        ("สวัสดีค่ะ พัสดุของฉันอยู่ที่ไหน", "cp874"),
    ],
)
def test_other_letters_are_not_taken_for_arabic(text: str, charset: str) -> None:
    assert decoded(text.encode(charset), None) != text.encode(charset).decode("cp1256", "replace")
    assert decoded(text.encode(charset), charset) == text
