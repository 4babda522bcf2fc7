"""The words of automatic replies and of reports on the delivery of mail, in lower case.

They are written as `marks.plain` returns them. The languages are English, German, French, Spanish, Portuguese, Italian
and Dutch; `absence_phrases_more` has Polish, Turkish, Indonesian, Arabic and Hindi.
"""

from triage_models.serving.mail import absence_phrases_more as more

SUBJECT_PREFIXES = (
    *more.SUBJECT_PREFIXES,
    "subject: ",
    "betreff: ",
    "objet: ",
    "asunto: ",
    "assunto: ",
    "oggetto: ",
    "onderwerp: ",
    "re: ",
    "[",
)

SUBJECTS = (
    *("automatic reply", "automatic response", "auto reply", "auto-reply", "autoreply", "auto response"),
    *("auto-response", "autoresponse", "vacation reply", "vacation response", "out of office reply"),
    *("out of office autoreply", "out of office auto-reply", "out-of-office reply", "out of office response"),
    *("automatische antwort", "abwesenheitsnotiz", "automatische abwesenheitsnotiz", "abwesenheitsmeldung"),
    *("réponse automatique", "reponse automatique", "message d'absence", "absence du bureau"),
    *("respuesta automática", "respuesta automatica", "resposta automática", "resposta automatica"),
    *("risposta automatica", "automatisch antwoord", "automatische beantwoording", "afwezigheidsmelding"),
    *("afwezigheidsbericht", "delivery status notification", "undelivered mail returned to sender"),
    *("mail delivery failed", "returned mail: see transcript"),
    *("automatische rückantwort", "abwesenheitsnachricht", "abwesenheitsassistent", "notification d'absence"),
    *("notificación de ausencia", "respuesta de ausencia", "aviso de ausência", "notifica di assenza"),
    *more.SUBJECTS,
)
"""The subjects that only such messages have; a colon, a dash or a bracket may follow."""

OFFICE_SUBJECTS = (
    *("out of office", "out of the office", "out-of-office", "ooo", "abwesenheit", "abwesend"),
    *("fuera de la oficina", "fuera de oficina", "fora do escritório", "fuori ufficio", "fuori sede", "afwezig"),
    *more.OFFICE_SUBJECTS,
)
"""Subjects that could also begin a sentence: the line ends after them, or a colon follows."""

DELIVERY_SUBJECTS = (
    "this is an automatically generated delivery status notification",
    "this message was created automatically by mail",
    *("delivery status notification", "undeliverable", "undelivered", "mail delivery", "failure notice"),
    *(
        "delivery has failed",
        "returned mail",
        "unzustellbar",
        "non remis",
        "no se puede entregar",
        "message not delivered",
    ),
    *("non distribuable", "não é possível entregar", "impossibile recapitare", "onbestelbaar", "address not found"),
    *("your message to", "your message couldn't be delivered", "this is the mail system at", "hi. this is the"),
)

DELIVERY_REPORTS = (
    *("following recipient", "following address"),
    *(
        "mailer-daemon",
        "postmaster",
        "smtp",
        "mail system",
        "mail server",
        "550 5",
        "550-5",
        "5.1.1",
        "diagnostic code",
    ),
    *("your message couldn't be delivered", "your message could not be delivered", "your message wasn't delivered"),
    *("your message to", "message could not be delivered", "e-mail address", "email address", "ihre nachricht"),
    *("votre message", "su mensaje", "sua mensagem", "il messaggio", "uw bericht"),
)
"""What the text of such a report says; a customer's parcel can be undeliverable, too."""

_OUT_OF_OFFICE = (
    *("i am ooo", "i'm ooo", "currently ooo", "our office is closed", "our offices are closed"),
    *("i no longer work", "no longer works", "no longer with the company", "has left the company"),
    *("i am out of office", "i am out of the office", "i'm out of office", "i'm out of the office"),
    *("i am currently out of", "i'm currently out of", "be out of the office", "be out of office"),
    *("currently out of the office", "currently out of office", "i am away from the office", "away from my desk"),
    *("i am currently away", "i'm currently away", "i am not in the office", "out of office:", "out of office -"),
    *("out of office until", "out of the office until", "out of office from", "out of the office from"),
    "out of the office on",
    *("nicht im büro", "nicht im hause", "außer haus", "nicht am arbeitsplatz", "ich bin abwesend"),
    *("bin ich nicht erreichbar", "ich bin derzeit nicht erreichbar", "ich bin zur zeit nicht erreichbar"),
    *("derzeit abwesend", "zur zeit abwesend", "bis einschließlich nicht"),
    *("absent du bureau", "absente du bureau", "je suis absent", "je suis actuellement absent", "je serai absent"),
    *("je suis actuellement en congé", "actuellement absent", "en déplacement jusqu"),
    *("fuera de la oficina", "fuera de oficina", "estoy ausente", "estaré ausente", "me encuentro ausente"),
    *("me encuentro fuera", "estaré fuera de"),
    *("fora do escritório", "fora do escritorio", "estou ausente", "estarei ausente", "encontro-me ausente"),
    *("fuori ufficio", "fuori sede", "assente dall'ufficio", "sono assente", "sarò assente"),
    *("niet op kantoor", "niet aanwezig", "ben ik afwezig", "ik ben afwezig", "momenteel afwezig"),
    *more.OUT_OF_OFFICE,
)
_ON_LEAVE = (
    *("on pto", "currently travelling", "currently traveling", "away on business"),
    *("on vacation", "on holiday", "on annual leave", "on leave", "on parental leave", "on maternity leave"),
    *("on sick leave", "on paternity leave", "on a business trip", "travelling until", "traveling until"),
    *("im urlaub", "in elternzeit", "auf dienstreise", "en vacances", "en congé", "en congés", "de vacaciones"),
    *("de férias", "em férias", "in ferie", "met vakantie", "op vakantie", "met verlof"),
    *more.ON_LEAVE,
)
_AUTOMATIC = (
    *("this is an automatic", "this is an automated", "automatically generated", "auto-generated", "automated reply"),
    *("automated response", "automatic reply", "automatic response", "autoreply", "do not reply to this"),
    *("automatisch generiert", "automatisch erstellt", "automatische antwort", "abwesenheitsnotiz"),
    *("réponse automatique", "message automatique", "respuesta automática", "mensaje automático"),
    *("resposta automática", "mensagem automática", "risposta automatica", "messaggio automatico"),
    *("automatisch antwoord", "automatisch bericht", "automatisch gegenereerd"),
    *more.AUTOMATIC,
)

ABSENCES = (*_OUT_OF_OFFICE, *_ON_LEAVE, *_AUTOMATIC)
"""At least one of these is in every automatic reply."""

EVIDENCE: tuple[tuple[int, tuple[str, ...]], ...] = (
    (2, _OUT_OF_OFFICE),
    (1, _ON_LEAVE),
    (3, _AUTOMATIC),
    (
        2,
        (
            *("limited email access", "limited e-mail access", "not be monitored", "access to email"),
            *("access to my email", "access to e-mail", "access to my e-mail", "access to emails"),
            *(
                "access to my emails",
                "access to my inbox",
                "not checking email",
                "not be checking",
                "not read my email",
            ),
            *("not be forwarded", "not forwarded", "not monitored", "check my email", "checking email"),
            *("nicht weitergeleitet", "nicht gelesen", "keinen zugriff", "zugriff auf meine", "unregelmäßig"),
            *("pas accès à ma", "accès limité", "accès à mes", "ne seront pas lus", "pas transféré"),
            *("acceso limitado", "acceso a mi correo", "sin acceso", "acesso limitado", "acesso ao meu", "sem acesso"),
            *("accesso alla posta", "accesso limitato", "accesso alle mail", "toegang tot mijn", "niet doorgestuurd"),
            *more.NOT_READ,
        ),
    ),
    (
        2,
        (
            *(
                "reply upon my return",
                "respond upon my return",
                "answer upon my return",
                "when i return",
                "on my return",
            ),
            *(
                "upon my return",
                "once i am back",
                "once i return",
                "when i am back",
                "when i'm back",
                "after my return",
            ),
            *("will respond", "will reply", "will answer", "will get back to you", "i'll get back to you"),
            *("i'll reply", "i'll respond", "i'll answer", "respond to your", "reply to your", "answer your message"),
            *("nach meiner rückkehr", "werde ich", "ich melde mich", "beantworte ich", "beantworten"),
            *("à mon retour", "dès mon retour", "répondrai", "a mi regreso", "a mi vuelta", "responderé", "contestaré"),
            *(
                "no meu regresso",
                "no meu retorno",
                "responderei",
                "quando eu voltar",
                "al mio rientro",
                "al mio ritorno",
            ),
            *("risponderò", "bij terugkomst", "na mijn terugkeer", "bij mijn terugkeer", "beantwoord ik"),
            *more.ANSWER_LATER,
        ),
    ),
    (
        2,
        (
            *("in my absence", "during my absence", "urgent matter", "urgent request", "urgent case", "urgent quer"),
            *("if urgent", "if your request is urgent", "if your message is urgent", "if it is urgent", "is urgent"),
            *("for urgent", "for anything urgent", "for immediate", "my colleague", "please contact", "please call"),
            *("contact our", "contact the", "write to", "please email", "please reach out", "in an emergency"),
            *(
                "bei rückfragen",
                "bei fragen",
                "in dringenden",
                "in meiner abwesenheit",
                "während meiner abwesenheit",
                "wenden sie sich",
                "meine kolleg",
            ),
            *("en cas d'urgence", "pour toute urgence", "en mon absence", "pendant mon absence", "veuillez contacter"),
            *("en caso de urgencia", "para asuntos urgentes", "en mi ausencia", "póngase en contacto", "contacte con"),
            *("contactar con", "em caso de urgência", "assuntos urgentes", "na minha ausência", "contacte", "contate"),
            *("por favor contacte", "in caso di urgenza", "per urgenze", "in mia assenza", "si prega di contattare"),
            *("contattare", "in dringende gevallen", "voor dringende", "tijdens mijn afwezigheid", "contact opnemen"),
            *("retouren bitte an", "rücksendungen bitte an", "anfragen bitte an", "fragen bitte an", "fällen bitte an"),
            *("bestellungen bitte an", "rechnungen bitte an", "reklamationen bitte an", "returns please to"),
            *("for returns please", "for returns, please", "for refunds please", "questions please"),
            *(
                "pour les retours, écri",
                "pour les retours, contact",
                "para devoluciones, escri",
                "para devoluciones escri",
            ),
            *(
                "para devoluções, escrev",
                "para devoluções escrev",
                "per i resi scriv",
                "per i resi, scriv",
                "voor retouren kunt u",
                "retouren graag naar",
            ),
            *more.CONTACT,
        ),
    ),
    (
        1,
        (
            *("thank you for your email", "thank you for your e-mail", "thank you for your message", "your message"),
            *(
                "thanks for your email",
                "thanks for your message",
                "thank you for your mail",
                "thank you for contacting",
            ),
            *(
                "vielen dank für ihre nachricht",
                "vielen dank für ihre e-mail",
                "vielen dank für ihre mail",
                "ihre nachricht",
            ),
            *("danke für ihre", "danke für deine", "merci pour votre", "merci de votre", "votre message"),
            *(
                "gracias por su",
                "gracias por tu",
                "su mensaje",
                "obrigado pela sua",
                "obrigada pela sua",
                "obrigado pelo",
            ),
            *("sua mensagem", "grazie per il", "grazie per la", "bedankt voor", "uw bericht"),
            *more.THANKS,
        ),
    ),
    (
        1,
        (
            *("until", "will return on", "return on", "be back on", "back on", "back in the office", "returning"),
            "will reopen",
            *(
                "will be back",
                "return to the office",
                "will return",
                "zurück",
                " bis ",
                "wieder da",
                "wieder erreichbar",
            ),
            *("jusqu'au", "jusqu'à", "de retour", "hasta el", "regreso el", "vuelvo el", "até", "volto", "retorno"),
            *("fino al", "rientro il", "rientrerò", "torno il", "tot en met", "tot ", "terug op", "weer aanwezig"),
            *more.UNTIL,
        ),
    ),
)
"""Points for each kind of phrase."""
