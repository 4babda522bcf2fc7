"""The words of a customer's own request, in lower case, as `marks.plain` returns them, in twelve languages.

An absence may be the reason for a request ("I am away until Monday, so please change the date"). Such a message must
not be taken for an automatic reply, which nobody would read.
"""

REASONS = (
    *("so please", "so could you", "so can you", "so kindly", "therefore please", "please therefore", "therefore,"),
    *("deshalb bitte", "daher bitte", "also bitte", "bitte daher", "bitte deshalb", "donc merci de", "donc veuillez"),
    *("alors veuillez", "así que", "por lo que", "por eso", "por isso", "então", "quindi", "perciò", "dus graag"),
    *("dus wilt", "daarom", "więc proszę", "dlatego proszę", "bu yüzden", "o yüzden", "bu nedenle", "jadi tolong"),
    *("jadi mohon", "oleh karena itu", "لذلك", "لذا", "इसलिए"),
)
"""What follows gives the absence as its reason."""

WISHES = (
    *("please leave", "please cancel", "please deliver", "please redeliver", "please ship", "please hold"),
    *("please refund", "please exchange", "please replace", "please change", "please confirm", "please return"),
    *("please send me", "please send us", "please send it", "please send another", "please send a new"),
    *("please resend", "please collect", "please pick", "change the", "change my", "delivery date", "refund me"),
    *("refund for", "the refund", "a refund", "refund the", "exchange the", "exchange it", "a replacement"),
    *("please bring", "the package", "the parcel", "'s delivery", "delivery of", "my order", "my parcel"),
    *("my package", "my delivery", "my refund", "my account", "my money", "my item"),
    *("i ordered", "i bought", "i want", "i would like", "i'd like", "i need", "i received", "i got", "i paid"),
    *("order number", "deliver it", "deliver my", "courier", "driver", "can you", "could you", "can i", "could i"),
    *("bitte liefern", "bitte erst", "liefern", "meine bestellung", "mein paket", "meine lieferung", "ich möchte"),
    *("ich habe bestellt", "ich will", "könnten sie", "bestellnummer", "paketbote", "kurier", "bitte erstatten"),
    *("erstatten sie", "die erstattung", "eine erstattung", "erstattung für", "bitte schicken", "schicken sie mir"),
    *("senden sie mir", "bitte stornieren", "stornieren sie", "bitte ändern", "ändern sie", "umtauschen"),
    *("tauschen sie", "liefertermin", "lieferdatum", "mein geld", "livrer", "ma commande", "mon colis", "mon argent"),
    *("je voudrais", "je veux", "pouvez-vous", "pourriez-vous", "livreur", "coursier", "rembourser", "remboursez"),
    *("un remboursement", "le remboursement", "échanger", "veuillez annuler", "veuillez envoyer", "annuler ma"),
    *("date de livraison", "modifier la", "changer la", "entregar", "mi pedido", "mi paquete", "mi dinero"),
    *("mi devolución", "mi reembolso", "mi cuenta", "quiero", "quisiera", "podrían", "repartidor", "el reembolso"),
    *("un reembolso", "cancelen", "cambien", "envíenme", "mensajero", "transportista", "fecha de entrega"),
    *("meu pedido", "minha encomenda", "meu dinheiro", "quero", "gostaria", "o reembolso", "um reembolso"),
    *("cancelem", "troquem", "enviem", "transportadora", "estafeta", "data de entrega", "consegnare"),
    *("il mio ordine", "il mio pacco", "vorrei", "voglio", "potreste", "corriere", "il rimborso", "un rimborso"),
    *("rimborsate", "annullate", "cambiate", "inviatemi", "data di consegna", "bezorgen", "mijn bestelling"),
    *("mijn pakket", "mijn geld", "ik wil", "kunnen jullie", "bezorger", "koerier", "de terugbetaling", "annuleer"),
    *("annuleren", "ruilen", "bezorgdatum", "stuur mij", "stuur me", "terugbetaling voor"),
    *("paczk", "moje zamówienie", "mojego zamówienia", "zamówienie nr", "chcę", "chciałbym", "chciałabym"),
    *("proszę o zwrot", "zwrot za", "zwrot pieniędzy", "dostarcz", "dostaw", "przesyłk", "proszę anulować"),
    *("proszę wymienić", "proszę zwrócić", "proszę zmienić", "czy mog"),
    *("siparişim", "kargo", "parami", "paketim", "istiyorum", "kurye", "teslim", "iptal edin", "iptal eder"),
    *("değiştirin", "değiştirir", "iade edin", "para iadesi", "gönderin", "pesanan saya", "paket saya"),
    *("barang saya", "uang saya", "saya ingin", "saya mau", "kurir", "tolong", "mohon kirim", "batalkan", "tukar"),
    *("ubah tanggal", "tanggal pengiriman", "pengembalian dana", "طلبي", "طلبيتي", "شحنتي", "طردي", "أريد", "اريد"),
    *("أرغب", "المندوب", "توصيل", "أموالي", "فلوسي", "نقودي", "تغيير موعد", "استرداد المبلغ", "موعد التسليم"),
    *("ऑर्डर", "पार्सल", "मेरे पैसे", "मेरा पैसा", "चाहता", "चाहती", "चाहिए", "कूरियर", "डिलीवर", "रद्द कर", "तारीख बदल"),
    *("बदल दें", "रिफंड कर", "भेज दें"),
)
"""What only a customer asks for."""

PERSONAL: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("?", "؟")),
    (2, ("contact me", "call me", "email me", "let me know", "rufen sie mich", "appelez-moi", "llámame", "bel mij")),
    (3, REASONS),
    (5, WISHES),
)
"""Points against an automatic reply: what a customer says, and such a reply does not."""

OWN = frozenset(
    {
        *("my", "mein", "meine", "meinen", "meinem", "meiner", "meines", "mon", "mis", "meu", "minha", "meus"),
        *("minhas", "mio", "mia", "miei", "mie", "mijn", "mój", "moja", "moje", "moją", "mojej", "mojego", "moich"),
        *("मेरा", "मेरी", "मेरे"),
    }
)
"""Words before what somebody has. Those that mean something else in another language are left out."""

OWN_POINTS = 3
"""Points against an automatic reply that names something of its writer's own, other than what such replies name."""

OF_ABSENCES = (
    *("absence", "email", "e-mail", "mail", "inbox", "colleague", "coworker", "team", "manager", "desk"),
    *("office", "phone", "mobile", "cell", "leave", "vacation", "holiday", "behalf", "assistant", "message"),
    *("replacement", "deputy", "supervisor", "backup", "boss", "substitute", "voicemail", "availability"),
    *("trip", "out-of", "out of", "working", "department", "number", "kolleg", "abwesenheit", "rückkehr", "urlaub"),
    *("vertret", "büro", "postfach", "handy", "telefon", "mobil", "assist", "vorgesetzt", "stellvertret", "chef"),
    *("nachricht", "elternzeit", "retour", "collègue", "équipe", "bureau", "messag", "congé", "portable", "absent"),
    *("ausencia", "regreso", "vuelta", "compañer", "colega", "correo", "equipo", "oficina", "vacaciones", "retorno"),
    *(
        "ausência",
        "regresso",
        "equipa",
        "equipe",
        "escritório",
        "férias",
        "caixa",
        "volta",
        "colleg",
        "assenza",
        "rientro",
    ),
    *("ritorno", "posta", "ufficio", "ferie", "cellulare", "afwezig", "terugk", "kantoor", "vakantie", "verlof"),
    *("toestel", "nieobecno", "powro", "urlop", "koleg", "koleż", "zesp", "poczt", "skrzyn", "biur", "współprac"),
    *("अनुपस्थिति", "वापसी", "सहकर्मी", "सहयोगी", "ईमेल", "छुट्टी", "कार्यालय", "टीम", "लौटने", "फ़ोन", "फोन"),
)
"""How the words begin that follow those in automatic replies, too, perhaps after one more: "my dear colleague"."""

OF_ABSENCES_WHOLE = frozenset({"return"})
"""Such words that begin others, which such replies do not name: "my returned coat"."""
