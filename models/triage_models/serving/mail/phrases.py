"""The words by which mail programs and auto-replies are recognised, in lower case; one row per language.

The languages are English, German, French, Spanish, Portuguese, Italian and Dutch.
"""

INTRODUCTIONS = (
    ("on ", ("wrote:",)),
    ("am ", (" schrieb", "geschrieben:")),
    ("le ", ("a écrit:", "a ecrit:")),
    ("el ", ("escribió:", "escribio:")),
    ("em ", ("escreveu:",)),
    ("il ", ("ha scritto:",)),
    ("op ", ("schreef",)),
)
"""How a line before a quotation begins, and what it contains: "On 5 March 2026, Anna wrote:"."""

WRITING_VERBS = (
    *("wrote", "asked", "said", "replied", "schrieb", "geschrieben", "fragte", "a écrit", "a ecrit", "demandé"),
    *("escribió", "escribio", "preguntó", "escreveu", "perguntou", "ha scritto", "ha chiesto", "schreef", "vroeg"),
)

PERSONS = frozenset(
    {
        *("I", "you", "your", "we", "my", "me", "us", "our", "that", "which", "they", "he", "she", "who"),
        *("ich", "Sie", "du", "ihr", "Ihr", "mir", "uns", "mich", "Ihre", "Ihnen", "wir", "er", "sie", "mein", "dein"),
        *("je", "j'ai", "vous", "tu", "nous", "m'a", "t'a", "votre", "mon", "ma"),
        *("yo", "usted", "ustedes", "nos", "mi", "su", "te", "eu", "você", "vocês", "meu", "minha", "seu", "sua"),
        *("io", "ci", "lei", "voi", "noi", "vostro", "mio", "ik", "u", "jij", "mij", "ons", "jullie", "mijn", "uw"),
    }
)
"""Words that a sentence about somebody's writing has, and the line that a mail program makes has not."""

SEPARATORS = (
    *("original message", "forwarded message", "original e-mail", "reply message"),
    *("ursprüngliche nachricht", "originalnachricht", "original-nachricht", "weitergeleitete nachricht"),
    *("message d'origine", "message original", "message transféré", "message réexpédié", "e-mail d'origine"),
    *("mensaje original", "mensaje reenviado"),
    *("mensagem original", "mensagem encaminhada", "mensagem reencaminhada"),
    *("messaggio originale", "messaggio inoltrato"),
    *("oorspronkelijk bericht", "origineel bericht", "doorgestuurd bericht"),
)
"""What is between the dashes above a quotation: "-----Original Message-----"."""

BEGINNINGS = frozenset(
    {
        "begin forwarded message:",
        "anfang der weitergeleiteten nachricht:",
        "début du message réexpédié:",
        "début du message transféré:",
        "inicio del mensaje reenviado:",
        "início da mensagem encaminhada:",
        "início da mensagem reencaminhada:",
        "inizio messaggio inoltrato:",
        "begin doorgestuurd bericht:",
    }
)
"""The line above a forwarded message, without dashes."""

HEADERS = {
    "from": ("from", "von", "de", "da", "van"),
    "sent": (
        *(
            "sent",
            "date",
            "gesendet",
            "datum",
            "envoyé",
            "envoyé le",
            "enviado",
            "enviado el",
            "enviado em",
            "enviada em",
        ),
        *("fecha", "data", "inviato", "verzonden"),
    ),
    "to": ("to", "cc", "an", "à", "a", "para", "aan"),
    "subject": ("subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp"),
}
"""The names of the lines of a header block."""

HEADER_NAMES = {name: kind for kind, names in HEADERS.items() for name in names}

FORWARDS = frozenset(
    {
        *("see below", "please see below", "see the message below", "see the mail below", "see email below", "fyi"),
        *("please see the email below", "forwarding this", "forwarded", "forward", "as below", "below"),
        *("siehe unten", "s.u", "bitte siehe unten", "zur info", "zk", "zur kenntnis", "weitergeleitet"),
        *("voir ci-dessous", "ci-dessous", "pour info", "pour information"),
        *("ver abajo", "ver más abajo", "véase abajo", "reenvío", "ver abaixo", "veja abaixo", "segue abaixo"),
        *("vedi sotto", "vedi di seguito", "inoltro", "zie onder", "zie hieronder", "ter info"),
    }
)
"""Lines that say nothing but that the message is below."""

FORWARD_SUBJECTS = ("fwd:", "fw:", "wg:", "tr:", "rv:", "enc:", "i:", "doorst:", "subject: fwd:", "subject: fw:")
"""How the subject of a forwarded message begins."""

GREETINGS = frozenset(
    {
        *("hi", "hello", "hey", "hallo", "bonjour", "salut", "hola", "olá", "oi", "ciao", "buongiorno", "hoi", "dag"),
        *("team", "all", "there", "zusammen", "everyone", "todos"),
    }
)
"""The words of lines that greet and say nothing more."""

CLOSINGS = frozenset(
    {
        *("thanks", "thank you", "many thanks", "thx", "best", "regards", "best regards", "kind regards", "cheers"),
        *("danke", "vielen dank", "viele grüße", "liebe grüße", "mit freundlichen grüßen", "mfg", "lg", "vg"),
        *("merci", "cordialement", "bien à vous", "gracias", "saludos", "un saludo", "obrigado", "obrigada"),
        *("atenciosamente", "grazie", "cordiali saluti", "saluti", "bedankt", "groeten", "met vriendelijke groet"),
    }
)
"""Lines below which a name follows."""

DEVICE_LINES = ("sent from my ", "sent from ", "get outlook for ", "von meinem ", "gesendet von ", "envoyé de mon ")
"""How a line begins that a phone adds."""
