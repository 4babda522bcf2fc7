"""Subjects, quotations and header blocks as mail programs write them in the twelve languages."""

import html

import pytest
from triage_models.serving.mail import phrases
from triage_models.serving.mail.marks import plain
from triage_models.serving.mail.message import read_message
from triage_models.serving.mail.quotations import new_text

NEW = "kargom 5512 / my parcel is late\nplease look"
OLD = "you can return it within 30 days\nregards, the shop"

PREFIXES = (
    *(
        "Re:",
        "RE:",
        "Fwd:",
        "FW:",
        "AW:",
        "WG:",
        "Antw:",
        "Doorst:",
        "TR:",
        "Réf:",
        "Rép :",
        "RV:",
        "Rta:",
        "RIF:",
        "R:",
        "I:",
    ),
    *(
        "RES:",
        "ENC:",
        "Odp:",
        "PD:",
        "YNT:",
        "Ynt:",
        "Yanıt:",
        "YANIT:",
        "İLT:",
        "ilt:",
        "Ilt:",
        "Bls:",
        "Balas:",
        "Trs:",
    ),
    *("رد:", "رد :", "\u200fرد:", "الرد:", "إعادة توجيه:", "إعادة توجيه: \u200e", "تحويل:", "पुन:", "उत्तर:", "अग्रे:"),
    *("अग्रेषित:", "फ़ॉरवर्ड:", "फ\u093cॉरवर्ड:", "Re[2]:", "RE(3):", "YNT：", "[Ticket 7] YNT: [EXT] İLT:", "Odp: PD: Re:"),
)

INTRODUCTIONS = (
    "czw., 5 mar 2026 o 10:12 Sklep <pomoc@sklep.example> napisał(a):",
    "W dniu 5.03.2026 o 10:12, Sklep pisze:",
    "W dniu czw., 5 mar 2026 o godz. 10:12 Sklep <pomoc@sklep.example>\nnapisał(a):",
    "W dniu 5 marca 2026 Sklep napisał:",
    "Dnia 5 marca 2026 10:12 Sklep <pomoc@sklep.example> napisał(a):",
    "Wiadomość napisana przez Sklep <pomoc@sklep.example> w dniu 5 mar 2026, o godz. 10:12:",
    "Mağaza <yardim@magaza.example>, 5 Mar 2026 Per, 10:12 tarihinde şunu yazdı:",
    "5.03.2026 10:12 tarihinde Mağaza yazdı:",
    "5 Mart 2026 tarihinde Mağaza yazdı:",
    "5 MART 2026 TARİHİNDE MAĞAZA YAZDI:",
    "Mağaza <yardim@magaza.example> şunları yazdı (5 Mar 2026 10:12):",
    "Pada Kam, 5 Mar 2026 pukul 10.12 Toko <bantuan@toko.example> menulis:",
    "Pada 05/03/2026 10.12, Toko menulis:",
    "Pada 5 Maret 2026, Toko menulis:",
    "في الخميس، 5 مارس 2026 في 10:12 ص تمت كتابة ما يلي بواسطة \u202aالمتجر\u202c <\u202ahelp@shop.example\u202c>:",
    "في الاثنين 2 مارس 2026 كتب المتجر:",
    "في ٥ مارس ٢٠٢٦، الساعة ١٠:١٢، كتب المتجر:",
    "بتاريخ 5 مارس 2026 10:12 ص، جاء من المتجر <help@shop.example>:",
    "गुरु, 5 मार्च 2026 को 10:12 am बजे को दुकान <help@shop.example> ने लिखा:",
    "5 मार्च 2026 को दुकान ने लिखा:",
    "----- Oryginalna wiadomość -----",
    "---------- Wiadomość przekazana ---------",
    "-----Özgün İleti-----",
    "-----Orijinal Mesaj-----",
    "-----Pesan Asli-----",
    "-----الرسالة الأصلية-----",
    "----- मूल संदेश -----",
    "Początek przekazywanej wiadomości:",
    "İletilen ileti başlangıcı:",
    "Awal pesan yang diteruskan:",
    "بدء الرسالة المُعاد توجيهها:",
    "अग्रेषित संदेश प्रारंभ:",
)

HEADERS = (
    "From: Shop\nSent: Monday\nTo: Kim\nSubject: Storno",
    "Von: Shop\nGesendet: Montag\nAn: Kim\nBetreff: Storno",
    "De : Boutique\nEnvoyé : lundi\nÀ : Kim\nObjet : Annulation",
    "De: Tienda\nEnviado: lunes\nPara: Kim\nAsunto: Anulación",
    "De: Loja\nEnviado: segunda-feira\nPara: Kim\nAssunto: Cancelamento",
    "Da: Negozio\nInviato: lunedì\nA: Kim\nOggetto: Annullamento",
    "Van: Winkel\nVerzonden: maandag\nAan: Kim\nOnderwerp: Annulering",
    "Od: Sklep\nData: poniedziałek\nDo: Kim\nTemat: Zwrot",
    "Od: Sklep <pomoc@sklep.example>\nWysłano: 5 marca 2026 10:12\nDo: Kim\nDW: Ula\nTemat: Zwrot",
    "Gönderen: Mağaza\nGönderildi: Pazartesi\nKime: Kim\nKonu: İade",
    "Kimden: Mağaza <a@b.example>\nTarih: 5 Mart 2026\nKime: Kim\nKonu: İade",
    "Dari: Toko\nDikirim: Senin\nKepada: Kim\nSubjek: Retur",
    "Dari: Toko <a@b.example>\nTanggal: 5 Maret 2026\nKe: Kim\nPerihal: Retur",
    "من: المتجر\nتم الإرسال: الاثنين\nإلى: كيم\nالموضوع: إرجاع",
    "\u200fمن: المتجر <a@b.example>\n\u200fالتاريخ: 5 مارس 2026\n\u200fإلى: كيم\n\u200fالموضوع: إرجاع",
    "प्रेषक: दुकान\nभेजा गया: सोमवार\nप्रति: किम\nविषय: वापसी",
    "प्रेषक: दुकान <a@b.example>\nदिनांक: 5 मार्च 2026\nप्रति: किम\nविषय: वापसी",
)

OWN = (
    "W dniu 5 marca 2026 kurier mi napisał:\nprzesyłka jest u sąsiada\nU którego?",
    "5 Mart 2026 tarihinde siz bana yazdınız:\nyarın gelir\nGelmedi.",
    "Pada 5 Maret 2026 toko menulis kepada saya:\nbesok sampai\nBelum sampai.",
    "في 5 مارس 2026 طلبت ثلاثة كتب:\nوصل كتاب واحد\nأين الباقي؟",
    "5 मार्च 2026 को आपने लिखा:\nकल आएगा\nनहीं आया",
    "Od: Gdańsk\nDo: Kraków\nData: 5 maja\nczy to możliwe?",
    "Dari: Jakarta\nKe: Bandung\nberapa lama?",
    "Konu: kargo\nKargom nerede?",
    "رقم الطلب: 5512\nالموضوع: لم يصل",
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_subject_of_an_answer_or_a_forward_is_somebody_elses(prefix: str) -> None:
    assert read_message(f"Subject: {prefix} you can return it\n\nwhere is my parcel").text == "where is my parcel"


@pytest.mark.parametrize(
    "subject",
    [
        "Return: coat",
        "Redundant order",
        "Irritated",
        "Trs chaussures",
        "Odpowiedź",
        "İade",
        "ردود",
        "पुनः भेजें",
        "PD 5512",
    ],
)
def test_a_subject_that_only_begins_like_an_answer_is_the_senders(subject: str) -> None:
    assert read_message(f"Subject: {subject}\n\nhello").text == f"{subject}\nhello"


@pytest.mark.parametrize("above", [*INTRODUCTIONS, *HEADERS])
def test_what_is_below_an_introduction_is_not_read(above: str) -> None:
    assert new_text(f"{NEW}\n\n{above}\n\n{OLD}") == NEW
    assert new_text(f"{NEW}\r\n\r\n{above}\r\n\r\n{OLD}".replace("\r\n", "\n").replace("\n", "\r\n")) == NEW


@pytest.mark.parametrize("block", HEADERS)
def test_a_block_of_headers_is_known_in_html(block: str) -> None:
    pytest.importorskip("selectolax")
    lines = [line.partition(":") for line in block.split("\n")]
    header = "<br>".join(f"<b>{name}:</b>{html.escape(value)}" for name, _, value in lines)
    for ruled in ("<hr style='width:98%'>", "<div style='border:none;border-top:solid #E1E1E1 1.0pt'>"):
        source = f"<div>my parcel is late</div>{ruled}<p class=MsoNormal>{header}</p></div><p>you can return it</p>"
        assert read_message(source).text == "my parcel is late"


@pytest.mark.parametrize(
    "above",
    [
        '<hr style="width:98%"><div id="divRplyFwdMsg" dir="ltr">',
        '<hr><div id="x_divRplyFwdMsg">',
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">',
        '<div style="border:none;border-top:solid #B5C4DF 1.0pt">',
    ],
)
def test_outlooks_html_marks_a_quotation_in_any_language(above: str) -> None:
    pytest.importorskip("selectolax")
    header = "<b>Från:</b> Butik<br><b>Skickat:</b> måndag<br><b>Till:</b> Kim<br><b>Ämne:</b> Retur</div>"
    assert read_message(f"<p>my parcel is late</p>{above}{header}<p>you can return it</p>").text == "my parcel is late"


@pytest.mark.parametrize("text", OWN)
def test_a_persons_sentence_about_writing_is_read(text: str) -> None:
    assert new_text(text) == text


def test_phrases_are_written_as_lines_are_compared() -> None:
    words = [
        *(word for start, parts in (*phrases.INTRODUCTIONS, *phrases.WRITERS) for word in (start, *[*parts])),
        *(*phrases.WRITING_VERBS, *phrases.SEPARATORS, *phrases.BEGINNINGS, *phrases.HEADER_NAMES, *phrases.FORWARDS),
        *(*phrases.FORWARD_SUBJECTS, *phrases.GREETINGS, *phrases.CLOSINGS, *phrases.DEVICE_LINES),
    ]
    assert [word for word in words if plain(word) != word.strip()] == []
