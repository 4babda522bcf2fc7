"""The words by which mail programs and auto-replies are recognised, in lower case; one row per language.

They are written as `marks.plain` returns them, so a Turkish i has its dot. The languages are English, German, French,
Spanish, Portuguese, Italian, Dutch, Polish, Turkish, Indonesian, Arabic and Hindi.
"""

INTRODUCTIONS = (
    ("on ", ("wrote:",)),
    ("am ", (" schrieb", "geschrieben:")),
    ("le ", ("a écrit:", "a ecrit:")),
    ("el ", ("escribió:", "escribio:")),
    ("em ", ("escreveu:",)),
    ("il ", ("ha scritto:",)),
    ("op ", ("schreef",)),
    ("w dniu ", (" napisał", " pisze:")),
    ("dnia ", (" napisał", " pisze:")),
    ("wiadomość napisana przez ", (":",)),
    ("pada ", (" menulis:",)),
    ("في ", (" كتب:", " كتبت:", " كتب ", " كتبت ", "تمت كتابة ما يلي")),
    ("بتاريخ ", (" كتب:", " كتبت:", " كتب ", " كتبت ", "جاء من")),
)
"""How a line before a quotation begins, and what it contains: "On 5 March 2026, Anna wrote:"."""

WRITERS = (
    (" tarihinde ", " yazdi:"),
    (" tarihinde ", " şunu yazdi:"),
    (" को ", " ने लिखा:"),
    (" पर ", " ने लिखा:"),
)
"""What else such a line contains, and how it ends, where the writer may stand before the date."""

WRITING_VERBS = (
    *("wrote", "asked", "said", "replied", "schrieb", "geschrieben", "fragte", "a écrit", "a ecrit", "demandé"),
    *("escribió", "escribio", "preguntó", "escreveu", "perguntou", "ha scritto", "ha chiesto", "schreef", "vroeg"),
    *("napisał", " pisze:", "napisana przez", " yazdi", " menulis", " كتب", "كتابة ما يلي", "جاء من", "ने लिखा"),
)

PERSONS = frozenset(
    {
        *("I", "you", "your", "we", "my", "me", "us", "our", "that", "which", "they", "he", "she", "who"),
        *("ich", "Sie", "du", "ihr", "Ihr", "mir", "uns", "mich", "Ihre", "Ihnen", "wir", "er", "sie", "mein", "dein"),
        *("je", "j'ai", "vous", "tu", "nous", "m'a", "t'a", "votre", "mon", "ma"),
        *("yo", "usted", "ustedes", "nos", "mi", "su", "te", "eu", "você", "vocês", "meu", "minha", "seu", "sua"),
        *("io", "ci", "lei", "voi", "noi", "vostro", "mio", "ik", "u", "jij", "mij", "ons", "jullie", "mijn", "uw"),
        *("mi", "mnie", "nam", "nas", "ja", "Pan", "Pani", "Państwo", "państwo", "wy", "wasz", "wasza", "że", "który"),
        *("ben", "bana", "bize", "biz", "siz", "sizin", "sizden", "yazdınız", "yazmıştınız", "saya", "kami", "kamu"),
        *("anda", "Anda", "kalian", "aku", "yang", "أنا", "انا", "لي", "لنا", "إلي", "نحن", "أنتم", "انتم", "طلبت"),
        *("اشتريت", "موظفكم", "متجركم", "كتبتم", "الذي", "आपने", "आपके", "आपकी", "मैंने", "हमने", "मुझे", "हमें", "मेरे", "मेरी"),
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
    *("oryginalna wiadomość", "wiadomość oryginalna", "treść oryginalnej", "przekazana wiadomość"),
    *("wiadomość przekazana", "treść przekazanej", "wiadomość przesłana dalej"),
    *("özgün ileti", "orijinal ileti", "orijinal mesaj", "orijinal e-posta", "iletilmiş mesaj", "iletilmiş ileti"),
    *("iletilen mesaj", "iletilen ileti", "yönlendirilmiş mesaj", "yönlendirilen mesaj", "yönlendirilen ileti"),
    *("pesan asli", "pesan awal", "pesan terusan", "pesan yang diteruskan", "pesan diteruskan"),
    *("الرسالة الأصلية", "رسالة أصلية", "رسالة محولة", "الرسالة المحولة", "رسالة معاد توجيهها"),
    *("الرسالة المعاد توجيهها", "رسالة تمت إعادة توجيهها"),
    *("मूल संदेश", "अग्रेषित संदेश", "अग्रेषित किया गया संदेश", "फ़ॉरवर्ड किया गया संदेश"),
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
        *("początek przekazywanej wiadomości:", "początek przekazanej wiadomości:"),
        *("iletilen ileti başlangici:", "yönlendirilen ileti başlangici:", "iletilen mesajin başlangici:"),
        *("awal pesan yang diteruskan:", "mulai pesan yang diteruskan:", "awal pesan terusan:"),
        *("بدء الرسالة المعاد توجيهها:", "بداية الرسالة المعاد توجيهها:"),
        *("अग्रेषित संदेश प्रारंभ:", "अग्रेषित संदेश आरंभ करें:", "फ़ॉरवर्ड किया गया संदेश शुरू:"),
    }
)
"""The line above a forwarded message, without dashes."""

HEADERS = {
    "from": (
        *("from", "von", "de", "da", "van", "od", "nadawca", "gönderen", "kimden", "dari", "pengirim"),
        *("من", "المرسل", "مرسل", "प्रेषक", "से", "द्वारा"),
    ),
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
        *("fecha", "data", "inviato", "verzonden", "wysłano", "wysłane", "wysłany", "data wysłania"),
        *("gönderildi", "gönderme tarihi", "gönderilme tarihi", "gönderim tarihi", "tarih", "dikirim", "terkirim"),
        *("tanggal", "تم الإرسال", "تم الارسال", "أرسلت", "أرسل", "تاريخ الإرسال", "التاريخ", "تاريخ"),
        *("भेजा गया", "भेजी गई", "भेजा", "दिनांक", "तारीख", "तिथि"),
    ),
    "to": (
        *("to", "cc", "an", "à", "a", "para", "aan", "do", "dw", "adresat", "odbiorca", "kime", "alici", "bilgi"),
        *("kepada", "ke", "untuk", "إلى", "الى", "المستلم", "نسخة", "प्रति", "प्राप्तकर्ता", "को"),
    ),
    "subject": (
        *("subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "temat", "konu", "subjek"),
        *("perihal", "الموضوع", "موضوع", "विषय"),
    ),
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
        *("poniżej", "patrz poniżej", "zobacz poniżej", "zob. poniżej", "do wiadomości", "przekazuję"),
        *("aşağida", "aşağiya bakiniz", "aşağiya bakin", "bilginize", "bilgi için", "iletiyorum"),
        *("lihat di bawah", "lihat di bawah ini", "silakan lihat di bawah", "untuk diketahui", "diteruskan"),
        *("أدناه", "انظر أدناه", "انظر الرسالة أدناه", "للعلم", "للاطلاع"),
        *("नीचे देखें", "कृपया नीचे देखें", "सूचनार्थ", "जानकारी के लिए"),
    }
)
"""Lines that say nothing but that the message is below."""

FORWARD_SUBJECTS = (
    *("fwd:", "fw:", "wg:", "tr:", "rv:", "enc:", "i:", "doorst:", "subject: fwd:", "subject: fw:", "pd:", "ilt:"),
    *("trs:", "terusan:", "إعادة توجيه:", "اعادة توجيه:", "تحويل:", "अग्रे:", "अग्रेषित:", "फ़ॉरवर्ड:"),
)
"""How the subject of a forwarded message begins."""

GREETINGS = frozenset(
    {
        *("hi", "hello", "hey", "hallo", "bonjour", "salut", "hola", "olá", "oi", "ciao", "buongiorno", "hoi", "dag"),
        *("team", "all", "there", "zusammen", "everyone", "todos"),
        *("cześć", "dzień", "dobry", "witam", "merhaba", "merhabalar", "selam", "halo", "hai", "مرحبا", "أهلا"),
        *("السلام", "عليكم", "नमस्ते", "नमस्कार"),
    }
)
"""The words of lines that greet and say nothing more."""

CLOSINGS = frozenset(
    {
        *("thanks", "thank you", "many thanks", "thx", "best", "regards", "best regards", "kind regards", "cheers"),
        *("danke", "vielen dank", "viele grüße", "liebe grüße", "mit freundlichen grüßen", "mfg", "lg", "vg"),
        *("merci", "cordialement", "bien à vous", "gracias", "saludos", "un saludo", "obrigado", "obrigada"),
        *("atenciosamente", "grazie", "cordiali saluti", "saluti", "bedankt", "groeten", "met vriendelijke groet"),
        *("pozdrawiam", "dziękuję", "z poważaniem", "teşekkürler", "saygilarimla", "terima kasih", "salam"),
        *("hormat saya", "شكرا", "مع التحية", "تحياتي", "धन्यवाद", "सादर"),
    }
)
"""Lines below which a name follows."""

DEVICE_LINES = (
    *("sent from my ", "sent from ", "get outlook for ", "von meinem ", "gesendet von ", "envoyé de mon "),
    *("wysłane z ", "wysłano z ", "iphone'umdan gönderildi", "android cihazimdan ", "dikirim dari ", "أرسلت من "),
    *("أرسل من ", "تم الإرسال من ", "मेरे iphone से "),
)
"""How a line begins that a phone adds."""
