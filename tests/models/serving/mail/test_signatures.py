"""What stands below a message is taken off, and nothing that a customer says."""

import pytest
from triage_models.serving.mail.message import read_message
from triage_models.serving.mail.signatures import is_device_line, is_notice, without_signature

WISH = "please send me a new lid, the old one broke"
BELOW = (
    "-- \nAnna Smith\nMarsh & Dunn Ltd.\nTel. 01225 555 014",
    "Kind regards\nAnna Smith\nOffice Manager",
    "Sent from my iPhone",
    "Mit freundlichen Grüßen\n\nAnna Klein\nTel.: 0341 555014",
    "Cordialement,\nAnna Petit\n\nEnvoyé de mon iPhone",
    "Un saludo,\nAna Gil\n\nEnviado desde mi iPad",
    "Atenciosamente,\nAna Reis",
    "Anna Smith | Sales\nPhone 01632 960 114 | Mobile 07700 900 341",
    "Thanks\n\nThis e-mail is confidential and for the addressee only. If you got it in error, notify the sender.",
)


@pytest.mark.parametrize("below", BELOW)
def test_what_stands_below_is_taken_off(below: str) -> None:
    assert read_message(f"Hello\n\n{WISH}\n\n{below}\n").text == f"Hello\n\n{WISH}"


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n\nplease send it to\n\nAnna Smith\n14 Corn Street\nBath",
        "Thanks\n\nPS: please cancel order 5512",
        "Hi\n--\nwhere is my parcel?",
        "Hi\n--\nplease cancel my order",
        "three things:\n- the lid\n- the handle",
        "Hello\n\nSent from London, it took two weeks",
        "Kind regards\nAnna",
        "the mail says confidential\nwhy is that?",
        "Thanks\nwhere is it?",
        "my number:\n\n0341 555014",
        "Thank you\nPlease call me back today.",
    ],
)
def test_what_a_customer_says_is_left(text: str) -> None:
    assert without_signature(text) == text


def test_a_line_of_one_is_never_cut() -> None:
    for text in ("Sent from my iPhone", "Kind regards", "this is confidential, intended solely for the addressee"):
        assert read_message(text).text == text


def test_lines_of_phones_and_notices_are_known() -> None:
    assert is_device_line("Von meinem Samsung Galaxy Smartphone gesendet.")
    assert is_device_line("Get Outlook for iOS<https://aka.ms/x>")
    assert not is_device_line("Sent from the warehouse on Monday")
    assert is_notice("Pensez à l'environnement avant d'imprimer ce message.")
    assert not is_notice("the seal of the virus test was broken")
