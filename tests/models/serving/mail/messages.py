"""E-mails written for these tests: replies, forwards, auto-replies, and messages that only look like them."""

from collections.abc import Callable

OLD = "Hello, where is my parcel? It was due on Monday.\nThe number is 4711.\n\nKind regards\nAnna"
"""What the replies quote."""

WRITER = "Anna Smith <anna@example.com>"


def marked(text: str) -> str:
    """Put ``>`` before each line."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def gmail(new: str, old: str = OLD) -> str:
    return f"{new}\n\nOn Thu, Mar 5, 2026 at 10:12 AM {WRITER} wrote:\n\n{marked(old)}\n"


def gmail_wrapped(new: str, old: str = OLD) -> str:
    return f"{new}\n\nOn Thu, Mar 5, 2026 at 10:12 AM Anna Smith <\nanna@example.com> wrote:\n\n{marked(old)}\n"


def unmarked(new: str, old: str = OLD) -> str:
    return f"{new}\n\nOn 5 Mar 2026, at 10:12, {WRITER} wrote:\n\n{old}\n"


def outlook(new: str, old: str = OLD) -> str:
    header = "From: Anna Smith\nSent: Thursday, March 5, 2026 10:12 AM\nTo: The Coat Shop\nSubject: Where is it?"
    return f"{new}\n\n{'_' * 32}\n{header}\n\n{old}\n"


def original_message(new: str, old: str = OLD) -> str:
    header = "From: anna@example.com\nTo: help@example.com\nSubject: Where is it?"
    return f"{new}\r\n\r\n-----Original Message-----\r\n{header}\r\n\r\n{old}".replace("\r\n", "\n").replace(
        "\n", "\r\n"
    )


def marks_only(new: str, old: str = OLD) -> str:
    return f"{new}\n{marked(old)}"


def below(new: str, old: str = OLD) -> str:
    return f"On Thu, Mar 5, 2026 at 10:12 AM {WRITER} wrote:\n{marked(old)}\n\n{new}"


STYLES: tuple[Callable[[str], str], ...] = (
    gmail,
    gmail_wrapped,
    unmarked,
    outlook,
    original_message,
    marks_only,
    below,
)

NEW_TEXTS = (
    "Thanks, all solved!",
    "It has arrived, thank you very much.",
    "please cancel order 5512",
    "The lid came broken. I want a new one.",
    "how do i send the shoes back",
    "You charged my card twice, please look into it",
    "i cannot log in to my account any more",
    "does the coat come in blue?\nand what does it cost",
    "Can I swap the jumper for a size larger?",
)
"""What their senders wrote; with each style of quotation these are 63 messages."""

INTRODUCTIONS = (
    "On Mon, 3 Mar 2025, The Coat Shop <help@example.com> wrote:",
    "On 03/05/26 10:12, Anna Smith wrote:",
    "On Thursday, March 5, 2026, 10:12 AM, Anna Smith <anna@example.com> wrote:",
    "Anna Smith <anna@example.com> wrote on 5 March 2026 at 10:12:",
    "Am Do., 5. März 2026 um 10:12 Uhr schrieb Anna Schmidt <anna@example.com>:",
    "Am 05.03.2026 um 10:12 schrieb Anna Schmidt:",
    "Am 05.03.2026 um 10:12 schrieb Ihr Mantelladen\n<hilfe@example.com>:",
    "Anna Schmidt <anna@example.com> schrieb am Do., 5. März 2026,\n10:12:",
    "Le jeu. 5 mars 2026 à 10:12, Anna Petit <anna@example.com> a écrit :",
    "Le 5 mars 2026 à 10:12, Anna Petit a écrit\u00a0:",
    "El jue, 5 mar 2026 a las 10:12, Anna Gil (<anna@example.com>) escribió:",
    "El 5 mar 2026, a las 10:12, Anna Gil\nescribió:",
    "Em qui., 5 de mar. de 2026 às 10:12, Anna Reis <anna@example.com> escreveu:",
    "Em 5/03/2026 10:12, Anna Reis escreveu:",
    "Il giorno gio 5 mar 2026 alle ore 10:12 Anna Neri <anna@example.com> ha scritto:",
    "Il 05/03/2026 10:12, Anna Neri ha scritto:",
    "Op do 5 mrt 2026 om 10:12 schreef Anna Bos <anna@example.com>:",
    "Op 05-03-2026 om 10:12 schreef Anna Bos:",
    "2026-03-05 10:12 GMT+01:00 Anna Smith <anna@example.com>:",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "-------- Message d'origine --------",
    "-----Mensaje original-----",
    "-----Mensagem original-----",
    "-----Messaggio originale-----",
    "-----Oorspronkelijk bericht-----",
    "---------- Forwarded message ---------",
    "Begin forwarded message:",
    "Anfang der weitergeleiteten Nachricht:",
    "Début du message transféré :",
    "From: Anna <anna@example.com>\nDate: Thu, 5 Mar 2026\nSubject: Coat\nTo: Shop <help@example.com>",
    "Von: Anna Schmidt\nGesendet: Donnerstag, 5. März 2026 10:12\nAn: Mantelladen\nBetreff: Paket",
    "*Von:* Anna Schmidt\n*Gesendet:* Donnerstag, 5. März 2026 10:12\n*An:* Mantelladen\n*Betreff:* Paket",
    "De : Anna Petit\nEnvoyé : jeudi 5 mars 2026 10:12\nÀ : Boutique\nObjet : Colis",
    "De: Anna Gil\nEnviado el: jueves, 5 de marzo de 2026 10:12\nPara: Tienda\nAsunto: Paquete",
    "De: Anna Reis\nEnviada em: quinta-feira, 5 de março de 2026 10:12\nPara: Loja\nAssunto: Encomenda",
    "Da: Anna Neri\nInviato: giovedì 5 marzo 2026 10:12\nA: Negozio\nOggetto: Pacco",
    "Van: Anna Bos\nVerzonden: donderdag 5 maart 2026 10:12\nAan: Winkel\nOnderwerp: Pakket",
)
"""What mail programs write above a quotation."""

NOT_QUOTED = (
    "we ordered 20 and there were\n> 5 items broken\nplease send new ones",
    "my limits:\nprice > 50\nover > 50 is too much",
    "these came broken:\n> the lid\n> the handle\n> both screws\nplease replace them",
    "I need\n- two lids\n- one handle\n* and a box",
    "From: London To: Paris, how long does it take\nand what does it cost",
    "From: London\nTo: Paris\nDate: 5 May\nis that possible?",
    "On Monday you wrote: it will come.\nIt has not come.",
    "On Monday you wrote:\nit will come on Friday.\nIt has not come.",
    "On 5 March 2026 your colleague wrote:\nit ships tomorrow.\nIt did not.",
    "On 5 March the courier wrote:\ndelivered to a neighbour.\nWhich neighbour?",
    "Am 5. März 2026 schrieben Sie:\nEs kommt am Freitag.\nEs kam nicht.",
    "Le 5 mars 2026 votre service m'a écrit :\nil arrive vendredi.\nIl n'est pas là.",
    "that was\n>:(\nnot what i ordered",
    "my address is\n_______________\n12 Long Road",
    "size: M\n-----\ncolour: blue",
    "what does original message mean\nin the tracking page",
    "The following items arrived:\n1. coat\n2. hat",
    "Subject: late parcel\nTo whom it may concern: where is it",
    "I asked for size 8\nand the answer was:\nno\nso please cancel",
    "menu -> settings\n-> account\nthe button is not there",
    "hello\n>\nare you there",
    "am freitag um 10:12 kam niemand,\nder fahrer schrieb:\nnicht da",
    "On Monday at 10:12 the courier wrote:\ndelivered\nbut nothing is here",
    "a\n\nb\r\n\r\nc",
)
"""Texts of several lines without a quotation."""

FORWARDED = (
    f"{marked(OLD)}",
    f"Fwd: see below\n\nBegin forwarded message:\n\nFrom: a@example.com\nSubject: x\nTo: b\n\n{OLD}",
    f"FYI\n\n---------- Forwarded message ---------\nFrom: {WRITER}\nDate: 5 Mar 2026\nSubject: x\nTo: b\n\n{OLD}",
    f"Hi team,\nplease see below.\nThanks,\nBen Long\n\n{INTRODUCTIONS[0]}\n{marked(OLD)}",
    f"Sent from my iPhone\n\nOn 5 Mar 2026, at 10:12, {WRITER} wrote:\n\n{OLD}",
    f"WG: Paket\n\n{INTRODUCTIONS[31]}\n\n{OLD}",
    f"\n\n{INTRODUCTIONS[0]}\n\n{marked(marked(OLD))}",
)
"""Messages whose sender adds no words of their own: the message is `OLD`."""

AUTOMATIC = (
    "I am out of the office until Monday with limited access to my e-mail.\n\nFor returns please write to "
    "returns@example.com.",
    "Hello, thank you for your message. I am out of the office and will be back on 5 May. For questions about returns "
    "and refunds please contact my colleague Ben.",
    "Automatic reply: Your return RMA-771\n\nI am on holiday until 12 August.",
    "Subject: Out of Office\n\nBack on Monday. Urgent? Call Ben.",
    "Out of office: Re: where is your parcel",
    "Auto-Reply: we received your delivery\nWill answer on my return.",
    "Hi,\n\nI'm on annual leave until 12 August and am not checking email. Returns: please contact the warehouse.",
    "I am currently on maternity leave. In urgent cases please contact Ben Long. Your message will not be forwarded.",
    "This is an automated response. I am out of office from 1 May until 9 May and will respond when I return.",
    "Abwesenheitsnotiz: Ihre Bestellung\n\nIch bin bis 5. Mai im Urlaub.",
    "Vielen Dank für Ihre Nachricht. Ich bin bis zum 5. Mai nicht im Büro. In dringenden Fällen wenden Sie sich bitte "
    "an meine Kollegin. Retouren gehen ans Lager.",
    "Guten Tag,\nich bin derzeit im Urlaub und ab 5. Mai wieder erreichbar. Ihre E-Mail wird nicht weitergeleitet.",
    "Réponse automatique : Votre commande\n\nJe suis absente.",
    "Bonjour, merci pour votre message. Je suis absent du bureau jusqu'au 5 mai. En cas d'urgence, veuillez contacter "
    "le service des retours.",
    "Respuesta automática: su pedido\n\nVuelvo el lunes.",
    "Gracias por su mensaje. Estoy fuera de la oficina hasta el 5 de mayo. Para asuntos urgentes contacte con Ana.",
    "Resposta automática: encomenda\n\nEstou de férias.",
    "Obrigado pela sua mensagem. Estou ausente até 5 de maio e responderei no meu regresso.",
    "Risposta automatica: ordine\n\nSono in ferie.",
    "Grazie per il messaggio. Sono assente dall'ufficio fino al 5 maggio. In caso di urgenza contattare il magazzino.",
    "Automatisch antwoord: bestelling\n\nIk ben er niet.",
    "Bedankt voor uw bericht. Ik ben niet op kantoor tot en met 5 mei. Voor dringende zaken kunt u bellen.",
    "Delivery Status Notification (Failure)\n\nYour message to help@example.com couldn't be delivered.",
    "Undeliverable: Where is my parcel\n\nYour message to help@example.com couldn't be delivered. 550 5.1.1 unknown.",
    "I am on PTO through August 5th. I'll have limited access to email. Please contact Jane with any urgent matters.",
    "Thank you for your email. Our office is closed for the holidays and will reopen on January 3rd. We will respond "
    "to your return request then.",
    "I'm currently travelling with limited email access and will be slow to respond. If your refund request is urgent, "
    "please contact support.",
    "Hallo, ich befinde mich derzeit in Elternzeit. Ihre Mail wird nicht weitergeleitet. Bei Rückfragen: Frau Meier.",
    "I am away on annual leave, returning Monday 12th. Emails will not be monitored. For returns visit our website.",
    "I no longer work at The Coat Shop. For returns please contact info@example.com.",
    "This is an automatically generated Delivery Status Notification\n\nDelivery to the following recipients failed.",
    "Undelivered Mail Returned to Sender\n\nThis is the mail system at host mx.example.com.",
    gmail(
        "I am out of the office until Monday. For urgent questions about returns please contact Ben.", "shipped today"
    ),
)
"""Messages that no person wrote."""

PERSONS = (
    "I was out of office when the courier came, please deliver it again",
    "i was on vacation until yesterday and the return window is over now, can i still send it back",
    "I am out of the office until Monday, so please deliver my parcel on Tuesday.",
    "I'm on holiday until Friday. Please hold my order and call me when you ship it, I will be back on Saturday.",
    "We are away from the office on Friday. Can you deliver on Monday instead? For urgent questions call me.",
    "I get an automatic reply every time I write to you. Where is my refund?",
    "Undeliverable, says the tracking page. The address is correct, please send my parcel again.",
    "undelivered: the recipient was at home all day and nobody rang",
    "Delivery failure again!\nThe driver did not come. What now?",
    "Out of office chairs? When will the black one be back in stock",
    "Do you sell automatic reply cards for the office?\nHow much are they?",
    "Ich war im Urlaub, als das Paket kam. Bitte noch einmal liefern, ich bin bis Freitag da.",
    "J'étais absent du bureau quand le livreur est passé, pouvez-vous relivrer mon colis ?",
    "Estaba fuera de la oficina cuando vino el repartidor, quiero mi paquete",
    "I am out of office until Thursday. Please leave the package with my colleague at the front desk.",
    "I'm currently away from home and will return on Sunday. Please cancel tomorrow's delivery, I'll respond later.",
    "Our office is closed on weekends so the courier could not deliver. Please redeliver on Monday.",
    "Bin bis 5. Mai im Urlaub, bitte erst danach liefern. Vielen Dank für Ihre Nachricht.",
    "my return was refused by an automated response, i want to talk to a person",
    "Vacation is over\nand my parcel is still not here",
    "Re: automatic reply from your side is no answer to my question, where is it",
)
"""Messages of persons, with the words of automatic replies."""
