"""Automatic replies in the twelve languages, and customers who ask for something of their own while they are away."""

import pytest
from triage_models.serving.mail import absence_phrases, absence_phrases_more, personal_phrases
from triage_models.serving.mail.automatic import is_automatic
from triage_models.serving.mail.marks import plain
from triage_models.serving.mail.message import read_message

SUBJECTS = (
    *("Automatic reply", "Automatische Antwort", "Réponse automatique", "Respuesta automática", "Resposta automática"),
    *("Risposta automatica", "Automatisch antwoord", "Automatyczna odpowiedź", "Odpowiedź automatyczna"),
    *("Otomatik yanıt", "Otomatik Yanıt", "Otomatik cevap", "Balasan otomatis", "رد تلقائي", "\u200fرد تلقائي"),
    *("स्वचालित उत्तर", "Poza biurem", "Ofis dışında", "Di luar kantor", "خارج المكتب", "कार्यालय से बाहर"),
)

NOTICES = (
    "Vielen Dank für Ihre Nachricht. Ich bin bis zum 15. März im Urlaub.\nRetouren bitte an retouren@laden.example",
    "Danke für Ihre Mail. Ich bin bis 15. März im Urlaub.\nAnfragen bitte an meine Kollegin Frau Meier.",
    "Thank you for your message. I am on holiday until 15 March.\nFor returns please write to returns@shop.example",
    "Thank you for your email. I am out of the office until Monday. You can reach me on my mobile if it is urgent.",
    "Merci pour votre message. Je suis en vacances jusqu'au 15 mars.\nPour les retours, écrivez à retours@x.example",
    "Gracias por su mensaje. Estoy de vacaciones hasta el 15 de marzo.\nPara devoluciones escriba a ana@x.example",
    "Obrigado pela sua mensagem. Estou de férias até 15 de março.\nPara devoluções escreva para ana@x.example",
    "Grazie per il messaggio. Sono in ferie fino al 15 marzo.\nPer i resi scrivere a resi@x.example",
    "Bedankt voor uw bericht. Ik ben met vakantie tot en met 15 maart.\nVoor retouren kunt u mailen naar x@x.example",
    "Dziękuję za wiadomość. Jestem na urlopie do 15 marca.\nZwroty proszę kierować na zwroty@x.example",
    "Jestem poza biurem do 15 marca. W pilnych sprawach proszę o kontakt z moją koleżanką. Odpowiem po powrocie.",
    "Mesajınız için teşekkür ederim. 15 Mart'a kadar yıllık izindeyim.\nİadeler için arkadaşım Ali'ye yazınız.",
    "15 Mart tarihine kadar ofis dışındayım. Acil durumlarda Ali ile iletişime geçebilirsiniz. Döndüğümde yazarım.",
    "Terima kasih atas email Anda. Saya sedang cuti sampai 15 Maret.\nUntuk retur silakan hubungi gudang.",
    "Saya sedang tidak di kantor hingga 15 Maret. Untuk hal mendesak silakan hubungi rekan saya, Budi.",
    "شكراً لرسالتك. أنا في إجازة حتى 15 مارس.\nللإرجاع يرجى التواصل مع زميلي أحمد.",
    "أنا خارج المكتب حتى 15 مارس، وسأرد على رسالتك عند عودتي. للحالات العاجلة يرجى الاتصال بأحمد.",
    "आपके संदेश के लिए धन्यवाद। मैं 15 मार्च तक छुट्टी पर हूँ।\nवापसी के मामलों में रवि से संपर्क करें।",
    "मैं 15 मार्च तक कार्यालय से बाहर हूँ। लौटने पर उत्तर दूँगा। अत्यावश्यक मामलों में रवि से संपर्क करें।",
)

CUSTOMERS = (
    "Thank you for your email.\nI am out of the office until Monday, so please contact me on my mobile about the "
    "refund for my returned coat, it is urgent.",
    "Hi, I am on holiday until 15 March, so please contact the courier and change the delivery date.\nThank you for "
    "your message. I will reply when I return.",
    "Thank you for your message. I am out of the office until Monday, please exchange the jumper, it is urgent.",
    "Thank you for your email. I am out of office until Monday. Do write to my sister about my broken lamp, is urgent.",
    "Thank you for your email. I am on holiday until 15 March. What is the deadline for returns?",
    "Danke für Ihre Nachricht. Ich bin bis 15. März nicht im Büro, daher bitte an meinen Nachbarn geben.",
    "Danke für Ihre Nachricht. Ich bin bis zum 15. März im Urlaub. Bitte stornieren Sie den Mantel, nach meiner "
    "Rückkehr brauche ich ihn nicht mehr.",
    "Merci pour votre message. Je suis en vacances jusqu'au 15 mars, donc merci de changer la date de livraison. Je "
    "répondrai à mon retour.",
    "Gracias por su mensaje. Estoy de vacaciones hasta el 15 de marzo, así que cambien el día. Responderé a mi vuelta.",
    "Obrigada pela sua mensagem. Estou de férias até 15 de março, por isso mudem a data. Responderei no meu regresso.",
    "Grazie per il messaggio. Sono in ferie fino al 15 marzo, quindi vorrei il rimborso del mio cappotto. Risponderò.",
    "Bedankt voor uw bericht. Ik ben met vakantie tot en met 15 maart, dus graag ruilen na mijn terugkeer.",
    "Dziękuję za wiadomość. Jestem na urlopie do 15 marca, więc proszę zmienić datę dostawy. Odpowiem po powrocie.",
    "Mesajınız için teşekkürler. 15 Mart'a kadar tatildeyim, bu yüzden kargo tarihini değiştirin. Döndüğümde yazarım.",
    "Terima kasih atas email Anda. Saya sedang cuti sampai 15 Maret, jadi tolong ubah tanggal. Akan saya balas nanti.",
    "شكرا لرسالتك. أنا في إجازة حتى 15 مارس، لذلك أريد تغيير موعد التسليم. سأرد عند عودتي.",
    "आपके संदेश के लिए धन्यवाद। मैं 15 मार्च तक छुट्टी पर हूँ, इसलिए मेरे ऑर्डर की तारीख बदल दें। लौटने पर जवाब दूँगा।",
)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_subject_of_an_automatic_reply_is_known(subject: str) -> None:
    for text in (f"{subject}: x 5512\n\nreturns: write to the shop", f"Subject: {subject}\n\nmy return, and so on"):
        assert read_message(text).automatic


@pytest.mark.parametrize("text", NOTICES)
def test_notices_of_absence_are_recognised_without_a_subject(text: str) -> None:
    assert is_automatic(text)


@pytest.mark.parametrize("text", CUSTOMERS)
def test_a_customer_who_is_away_and_asks_for_something_is_answered(text: str) -> None:
    assert not is_automatic(text)


def test_what_somebody_has_speaks_for_a_customer_unless_automatic_replies_name_it() -> None:
    notice = "I am out of the office until Monday, is urgent: {}, and so on."
    away = ("my colleague", "my dear colleague", "my mobile", "My return.")
    assert all(is_automatic(notice.format(thing)) for thing in away)
    assert not any(is_automatic(notice.format(thing)) for thing in ("my coat", "my returned coat", "my old blue coat"))


def test_phrases_are_written_as_messages_are_compared() -> None:
    words = [
        *(word for _, found in (*absence_phrases.EVIDENCE, *personal_phrases.PERSONAL) for word in found),
        *(*absence_phrases.ABSENCES, *absence_phrases.SUBJECTS, *absence_phrases.OFFICE_SUBJECTS),
        *(*absence_phrases_more.SUBJECT_PREFIXES, *personal_phrases.OWN, *personal_phrases.OF_ABSENCES),
    ]
    assert [word for word in words if plain(word) != word.strip()] == []
