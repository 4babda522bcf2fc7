"""The words of signatures, of the lines that phones add, and of disclaimers, in lower case.

The languages are English, German, French, Spanish, Portuguese, Italian and Dutch.
"""

CLOSINGS = (
    *("kind regards", "best regards", "warm regards", "with best regards", "with kind regards", "regards", "rgds"),
    *(
        "best wishes",
        "all the best",
        "yours sincerely",
        "yours faithfully",
        "yours truly",
        "sincerely",
        "cheers",
        "best",
    ),
    *(
        "many thanks",
        "thanks",
        "thank you",
        "thanks in advance",
        "thank you in advance",
        "many thanks in advance",
        "thx",
    ),
    *(
        "thanks and regards",
        "thanks a lot",
        "thank you very much",
        "looking forward to your reply",
        "warmly",
        "cordially",
    ),
    *("looking forward to hearing from you", "with thanks", "take care", "respectfully", "br", "kr"),
    *("mit freundlichen grüßen", "mit freundlichen grüssen", "mit freundlichem gruß", "freundliche grüße", "mfg", "lg"),
    *(
        "viele grüße",
        "liebe grüße",
        "beste grüße",
        "herzliche grüße",
        "schöne grüße",
        "grüße",
        "gruß",
        "vg",
        "hochachtungsvoll",
    ),
    *(
        "viele grüsse",
        "liebe grüsse",
        "freundliche grüsse",
        "danke",
        "vielen dank",
        "vielen dank im voraus",
        "besten dank",
    ),
    *("danke im voraus", "danke und gruß", "danke schön", "mit bestem dank", "besten gruß", "herzlichst"),
    *("cordialement", "bien cordialement", "bien à vous", "sincères salutations", "salutations distinguées", "merci"),
    *(
        "merci d'avance",
        "merci par avance",
        "merci beaucoup",
        "bonne journée",
        "cdt",
        "cdlt",
        "salutations",
        "bien à toi",
    ),
    *("respectueusement", "amicalement", "dans l'attente de votre réponse", "avec mes remerciements", "à bientôt"),
    *("un saludo", "saludos", "saludos cordiales", "un cordial saludo", "atentamente", "gracias", "muchas gracias"),
    *("gracias de antemano", "muchas gracias de antemano", "reciba un cordial saludo", "cordialmente", "un abrazo"),
    *("quedo a la espera de su respuesta", "a la espera de su respuesta", "gracias y un saludo", "saludos y gracias"),
    *(
        "atenciosamente",
        "cumprimentos",
        "melhores cumprimentos",
        "com os melhores cumprimentos",
        "obrigado",
        "obrigada",
    ),
    *(
        "muito obrigado",
        "muito obrigada",
        "obrigado desde já",
        "obrigada desde já",
        "desde já obrigado",
        "grato",
        "grata",
    ),
    *("abraços", "abraço", "att", "cordialmente", "fico no aguardo", "aguardo retorno", "desde já agradeço"),
    *("cordiali saluti", "distinti saluti", "saluti", "grazie", "grazie mille", "grazie in anticipo", "un saluto"),
    *("met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "groeten", "groetjes", "mvg"),
    *("bedankt", "alvast bedankt", "bij voorbaat dank", "hartelijke groet"),
)
"""Lines below which a name follows."""

CLOSING_BEGINNINGS = ("je vous prie d'agréer", "veuillez agréer", "recevez, madame", "agréez, ")
"""How long closings begin."""

DEVICE_BEGINNINGS = (
    *("sent from ", "sent via ", "sent with ", "sent using ", "get outlook for ", "from my "),
    *("von meinem ", "gesendet von ", "gesendet mit ", "gesendet vom ", "gesendet über ", "holen sie sich outlook"),
    *("diese nachricht wurde von meine", "outlook für "),
    *("envoyé de ", "envoyé depuis ", "envoyé à partir ", "envoyé avec ", "obtenir outlook", "télécharger outlook"),
    *("obtenez outlook", "provenance:"),
    *("enviado desde ", "enviado de ", "enviado con ", "obtener outlook", "obtén outlook", "descargar outlook"),
    *("enviado do ", "enviado a partir ", "enviado via ", "enviado pelo ", "obter o outlook", "obtenha o outlook"),
    *("baixe o outlook", "inviato da", "inviato dal", "scarica outlook", "ottieni outlook"),
    *("verzonden vanaf ", "verstuurd vanaf ", "verzonden via ", "verstuurd via ", "outlook voor "),
)
"""How the line of a phone or of a mail program begins."""

DEVICE_WORDS = (
    *(
        "iphone",
        "ipad",
        "android",
        "samsung",
        "galaxy",
        "outlook",
        "mail",
        "windows",
        "yahoo",
        "gmail",
        "gmx",
        "web.de",
    ),
    *("blackberry", "huawei", "xiaomi", "redmi", "pixel", "nokia", "phone", "mobile", "tablet", "handy", "proton"),
    *("thunderbird", "spark", "móvil", "movil", "portable", "celular", "telefone", "telefono", "telefoon", "mobil"),
    *(
        "cellulare",
        "appareil",
        "dispositivo",
        "courrier",
        "correo",
        "telekom",
        "t-online",
        "orange",
        "gerät",
        "hubspot",
    ),
)
"""A device or a program: one of them is in such a line. "Sent from London" is the customer's."""

NOTICES = (
    *("consider the environment before", "think before you print", "think of the environment", "save paper"),
    *(
        "confidentiality notice",
        "legal notice:",
        "disclaimer:",
        "umwelt, bevor",
        "umwelt bevor",
        "vertraulichkeitshinweis",
    ),
    *("l'environnement avant d'imprimer", "avis de confidentialité", "n'imprimez ce"),
    *("piense en el medio ambiente", "medio ambiente antes de imprimir", "antes de imprimir este", "aviso legal"),
    *("aviso de confidencialidad", "meio ambiente antes de imprimir", "aviso de confidencialidade"),
    *("prima di stampare", "denk aan het milieu", "avviso di riservatezza"),
)
"""One of these makes a paragraph a notice that a mail server adds."""

DISCLAIMER_WORDS = (
    *("confidential", "privileged", "intended solely", "intended recipient", "named recipient", "addressee"),
    *("received it in error", "received this message in error", "received this email in error", "in error"),
    *("notify the sender", "inform the sender", "any attachments", "unauthorised", "unauthorized", "disclosure"),
    *("accept no liability", "scan for viruses", "virus", "is registered in"),
    *("vertraulich", "nur für den empfänger", "irrtümlich", "informieren sie bitte den absender", "bestimmungsgemäße"),
    *(
        "benachrichtigen sie den absender",
        "adressat",
        "unerlaubte",
        "unbefugte",
        "rechtlich geschützt",
        "nicht gestattet",
    ),
    *("anhänge", "löschen sie"),
    *(
        "confidentiel",
        "est interdite",
        "diffusion",
        "destinataire",
        "par erreur",
        "avertir l'expéditeur",
        "informer l'expéditeur",
        "non autorisée",
    ),
    *("pièces jointes", "exclusivement", "privilégiées", "de le détruire"),
    *("confidencial", "destinatario", "por error", "al remitente", "remitente y", "sin autorización", "exclusivamente"),
    *("archivos adjuntos", "privilegiada", "divulgación", "queda prohibida"),
    *("confidenciais", "destinatário", "por engano", "o remetente", "sem autorização", "seus anexos", "privilegiadas"),
    *(
        "divulgação",
        "é proibida",
        "riservat",
        "destinatari",
        "per errore",
        "il mittente",
        "vertrouwelijk",
        "geadresseerde",
    ),
    *("de afzender", "ten onrechte"),
)
"""Three of these make a paragraph a disclaimer."""

CONTACTS = (
    *("tel", "tel.", "phone", "telephone", "mobile", "mob", "fax", "cell", "t", "m", "p", "f", "e", "w", "ph", "web"),
    *("telefon", "mobil", "handy", "tél", "tél.", "port", "port.", "portable", "móvil", "teléfono", "tfno", "tfno."),
    *(
        "celular",
        "telefone",
        "telemóvel",
        "cel",
        "cel.",
        "cell.",
        "mob.",
        "telefono",
        "telefoon",
        "email",
        "e-mail",
        "mail",
    ),
)
"""What stands before a number or an address in a signature."""

CUSTOMER_WORDS = (
    *("order", "parcel", "package", "refund", "return", "deliver", "invoice", "account no", "ref", "cancel", "urgent"),
    *("bestell", "auftrag", "paket", "rechnung", "liefer", "kundennummer", "storn", "rückgabe", "umtausch"),
    *("commande", "colis", "facture", "livraison", "rembours", "annul", "numéro client", "échange"),
    *(
        "pedido",
        "paquete",
        "factura",
        "devol",
        "reembolso",
        "encomenda",
        "pacote",
        "fatura",
        "entrega",
        "troca",
        "cambio",
    ),
    *("ordine", "pacco", "fattura", "bestelling", "pakket", "factuur", "ps", "p.s", "p. s", "nb:", "edit:"),
)
"""Words of a line that is no part of a signature, though it stands where one would."""
