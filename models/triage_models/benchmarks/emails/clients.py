"""How mail programs write an e-mail: plain or as HTML, with what they put above a quotation."""

import html
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Written(NamedTuple):
    """The parts of one e-mail.

    Attributes:
        paragraphs: what its sender wrote, greeting and closing included.
        signature: below it; empty if there is none.
        device: the line that a phone adds; empty if there is none.
        disclaimer: below the signature; empty if there is none.
        quoted: the message it answers; empty if it answers none.
        language: a code of two letters.
    """

    paragraphs: list[str]
    signature: str
    device: str
    disclaimer: str
    quoted: str
    language: str


Client = Callable[[Written], str]

WRITER = "Larkspur Shop <help@larkspur.example>"

INTRODUCTIONS: Mapping[str, tuple[str, str]] = {
    "en": (f"On Thu, Mar 5, 2026 at 10:12 AM {WRITER} wrote:", "On 05/03/2026 10:12, Larkspur Shop wrote:"),
    "es": (f"El jue, 5 mar 2026 a las 10:12, {WRITER} escribió:", "El 5/3/26 a las 10:12, Larkspur Shop escribió:"),
    "fr": (f"Le jeu. 5 mars 2026 à 10:12, {WRITER} a écrit :", "Le 05/03/2026 à 10:12, Larkspur Shop a écrit :"),
    "de": (f"Am Do., 5. März 2026 um 10:12 Uhr schrieb {WRITER}:", "Am 05.03.26 um 10:12 schrieb Larkspur Shop:"),
    "pt": (f"Em qui., 5 de mar. de 2026 às 10:12, {WRITER} escreveu:", "Em 05/03/2026 10:12, Larkspur Shop escreveu:"),
}
"""What Gmail and Thunderbird write above a quotation."""

HEADERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "en": (("From", WRITER), ("Sent", "Thursday, March 5, 2026 10:12"), ("To", "me@mail.example"), ("Subject", "News")),
    "es": (
        ("De", WRITER),
        ("Enviado", "jueves, 5 de marzo de 2026 10:12"),
        ("Para", "yo@mail.example"),
        ("Asunto", "Hola"),
    ),
    "fr": (("De", WRITER), ("Envoyé", "jeudi 5 mars 2026 10:12"), ("À", "moi@mail.example"), ("Objet", "Nouvelles")),
    "de": (
        ("Von", WRITER),
        ("Gesendet", "Donnerstag, 5. März 2026 10:12"),
        ("An", "ich@mail.example"),
        ("Betreff", "Neues"),
    ),
    "pt": (
        ("De", WRITER),
        ("Enviado", "quinta-feira, 5 de março de 2026 10:12"),
        ("Para", "eu@mail.example"),
        ("Assunto", "Oi"),
    ),
}
"""The block that Outlook writes above a quotation."""


def gmail(mail: Written) -> str:
    """Plain text as Gmail writes it."""
    quotation = f"{INTRODUCTIONS[mail.language][0]}\n\n{_marked(mail.quoted)}"
    return _joined(*mail.paragraphs, mail.signature, mail.device, mail.disclaimer, quotation if mail.quoted else "")


def outlook(mail: Written) -> str:
    """Plain text as Outlook writes it: the quotation has no marks, and CR LF ends the lines."""
    header = "\n".join(f"{name}: {value}" for name, value in HEADERS[mail.language])
    quotation = f"{'_' * 32}\n{header}\n\n{mail.quoted}"
    body = _joined(*mail.paragraphs, mail.signature, mail.device, mail.disclaimer, quotation if mail.quoted else "")
    return body.replace("\n", "\r\n")


def phone(mail: Written) -> str:
    """Plain text as a phone writes it: its line comes right below the text, and the quotation has no marks."""
    quotation = f"{INTRODUCTIONS[mail.language][0]}\n\n{mail.quoted}"
    return _joined(*mail.paragraphs, mail.device or mail.signature, quotation if mail.quoted else "")


def bottom(mail: Written) -> str:
    """Plain text below the quotation, as Thunderbird can be told to write it."""
    quotation = f"{INTRODUCTIONS[mail.language][1]}\n{_marked(mail.quoted)}"
    return _joined(quotation if mail.quoted else "", *mail.paragraphs, mail.signature, mail.disclaimer)


def gmail_html(mail: Written) -> str:
    """HTML as Gmail writes it."""
    divs = "<div><br></div>".join(f"<div>{_html(part)}</div>" for part in (*mail.paragraphs, mail.device) if part)
    signature = (
        f'<br><span class="gmail_signature_prefix">-- </span><br><div dir="ltr" class="gmail_signature" '
        f'data-smartmail="gmail_signature"><div dir="ltr">{_html(mail.signature)}</div></div>'
        if mail.signature
        else ""
    )
    quotation = (
        f'<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">'
        f'{_html(INTRODUCTIONS[mail.language][0])}<br></div><blockquote class="gmail_quote" '
        f'style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">'
        f"<div>{_html(mail.quoted)}</div></blockquote></div>"
        if mail.quoted
        else ""
    )
    disclaimer = f'<br><div style="font-size:9pt;color:#888">{_html(mail.disclaimer)}</div>' if mail.disclaimer else ""
    return f'<div dir="ltr">{divs}{signature}{disclaimer}</div>{quotation}'


def outlook_html(mail: Written) -> str:
    """HTML as Outlook writes it, with its markup for Word and a pixel that tracks."""
    parts = [*mail.paragraphs, mail.signature, mail.device, mail.disclaimer]
    body = '<p class="MsoNormal"><o:p>&nbsp;</o:p></p>'.join(
        f'<p class="MsoNormal">{_html(part)}<o:p></o:p></p>' for part in parts if part
    )
    header = "<br>".join(f"<b>{name}:</b> {_html(value)}" for name, value in HEADERS[mail.language])
    quotation = (
        '<div id="mail-editor-reference-message-container"><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;'
        f'padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal">{header}</p></div></div>'
        f'<p class="MsoNormal">{_html(mail.quoted)}</p></div>'
        if mail.quoted
        else ""
    )
    return (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta charset="utf-8"><style><!--\n'
        "@font-face {font-family:Calibri;}\np.MsoNormal {margin:0cm; font-size:11.0pt;}\n--></style><!--[if gte mso 9]>"
        '<xml><o:shapedefaults v:ext="edit" spidmax="1026" /></xml><![endif]--></head>\r\n<body lang="EN-GB" '
        f'link="#0563C1"><div class="WordSection1">{body}{quotation}</div>'
        '<img src="https://t.example/o.gif" width="1" height="1" alt=""></body></html>'
    )


def apple_html(mail: Written) -> str:
    """HTML as Apple Mail writes it."""
    paragraphs = "<div><br></div>".join(
        f"<div>{_html(part)}</div>" for part in (*mail.paragraphs, mail.signature) if part
    )
    device = (
        f'<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">{_html(mail.device)}</div>' if mail.device else ""
    )
    quotation = (
        f'<div><br><blockquote type="cite">{_html(INTRODUCTIONS[mail.language][0])}<br><br></blockquote></div>'
        f'<blockquote type="cite"><div dir="ltr">{_html(mail.quoted)}</div></blockquote>'
        if mail.quoted
        else ""
    )
    return (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body dir="auto">'
        f"{paragraphs}{device}{quotation}</body></html>"
    )


CLIENTS: tuple[Client, ...] = (gmail, gmail_html, outlook, outlook_html, phone, apple_html, bottom)


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _marked(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
