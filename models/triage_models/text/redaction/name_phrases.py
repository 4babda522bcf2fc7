"""The phrases that people's names stand behind.

In English, Spanish, Portuguese, French, German and Italian; a few in Dutch, Polish, Turkish, Indonesian and Hindi in
Latin letters.
"""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


INTRODUCTIONS = (
    "my name is", "my name's", "my names", "my full name is", "name is", "i am called", "me llamo", "mi nombre es",
    "mi nombre completo es", "meu nome é", "meu nome e", "me chamo", "chamo-me", "o meu nome é",
    "meu nome completo é", "je m'appelle", "je m’appelle", "je mappelle", "mon nom est", "mon nom c'est",
    "mon nom complet est", "mein name ist", "mein name", "ich heiße", "ich heisse", "mi chiamo", "il mio nome è",
    "il mio nome e", "mijn naam is", "ik heet", "nazywam się", "nazywam sie", "mam na imię", "benim adım", "adım",
    "nama saya", "mera naam",
)  # fmt: skip
"""A name follows, whether or not it is written in capitals."""

MENTIONS = (
    # en
    "this is", "i am", "i'm", "i’m", "im", "it's", "it’s", "name", "attn", "attention", "c/o", "account holder",
    "cardholder", "card holder", "in the name of", "under the name", "under the name of",
    "recipient", "left with", "left it with", "signed by", "signed for by", "given to", "delivered to", "handed to",
    "handed over to", "accepted by", "received by", "collected by", "picked up by", "spoke to", "spoke with",
    "talked to", "speaking to", "chatted with", "someone called", "someone named", "named", "registered to",
    "belongs to", "addressed to", "made out to",
    # es
    "soy", "aquí", "habla", "les saluda", "le saluda", "a nombre de", "titular", "titular de la cuenta",
    "entregado a", "entregaron a", "lo recogió", "recogido por", "recibido por", "firmado por", "hablé con",
    "se llama", "destinatario", "a la atención de", "nombre", "lo firmó",
    # pt
    "sou", "sou o", "sou a", "aqui é", "aqui é o", "aqui é a", "aqui e", "quem fala é", "em nome de", "no nome de",
    "entregue a", "entregue ao", "entregue à", "entregue para", "recebido por", "assinado por", "falei com",
    "se chama", "destinatário", "aos cuidados de", "nome",
    # fr
    "je suis", "c'est", "c’est", "ici", "de la part de", "au nom de", "titulaire", "titulaire du compte", "remis à",
    "remis a", "livré à", "signé par", "reçu par", "réceptionné par", "récupéré par", "parlé à", "parlé avec",
    "s'appelle", "destinataire", "à l'attention de", "nom",
    # de
    "ich bin", "hier ist", "hier schreibt", "hier", "name", "inhaber", "inhaberin", "kontoinhaber", "kontoinhaberin",
    "karteninhaber", "auf den namen", "im namen von", "angenommen von", "abgegeben bei", "unterschrieben von",
    "entgegengenommen von", "empfänger", "empfängerin", "gesprochen mit", "heißt", "heisst", "z. hd.", "z.hd.",
    "zu händen",
    # it
    "sono", "qui è", "parla", "a nome di", "intestato a", "intestata a", "intestatario", "intestataria",
    "consegnato a", "ritirato da", "firmato da", "ricevuto da", "parlato con", "si chiama", "destinatario",
    "alla c.a. di", "l'ha preso", "l'ha ritirato",
    # nl, pl
    "ik ben", "met", "op naam van", "t.a.v.", "jestem", "na nazwisko",
)  # fmt: skip
"""A name follows if it is written in capitals."""

RELATIVES = (
    "husband|wife|son|daughter|sister|brother|mother|mum|mom|father|dad|friend|partner|boyfriend|girlfriend|fiance|fiancé|"
    "fiancée|aunt|uncle|cousin|niece|nephew|grandmother|grandma|grandfather|grandpa|neighbour|neighbor|colleague|flatmate|"
    "roommate|boss|assistant|landlord|"
    "marido|esposo|esposa|mujer|hijo|hija|hermana|hermano|madre|padre|mamá|papá|amigo|amiga|novio|novia|pareja|tía|tío|"
    "prima|primo|abuela|abuelo|vecino|vecina|suegra|suegro|compañero|compañera|"
    "filho|filha|irmã|irmão|mãe|pai|namorado|namorada|vizinho|vizinha|avó|avô|sogra|sogro|colega|"
    "mari|femme|fils|fille|soeur|sœur|frère|mère|père|maman|papa|ami|amie|copain|copine|conjoint|conjointe|tante|oncle|"
    "cousine|grand-mère|voisin|voisine|collègue|"
    "mann|frau|sohn|tochter|schwester|bruder|mutter|mama|vater|freund|freundin|partnerin|verlobter|verlobte|onkel|oma|opa|"
    "nachbar|nachbarin|nachbarn|kollege|kollegin|chef|chefin|"
    "marito|moglie|figlio|figlia|sorella|fratello|mamma|papà|amica|fidanzato|fidanzata|compagno|compagna|zia|zio|"
    "cugina|cugino|nonna|nonno|vicino|vicina"
)
"""A name in capitals may follow."""

TITLES = (
    r"mr\.?|mrs\.?|ms\.?|miss|mx\.?|dr\.?|prof\.?|sir|madam|señor|señora|sr\.?|sra\.?|srta\.?|don|doña|senhor|senhora|"
    r"monsieur|madame|mademoiselle|mme|mlle|herr|herrn|frau|signor|signora|signore|sig\.|sig\.ra|dott\.|dott\.ssa|mevrouw|"
    r"meneer|pan|pani"
)

CLOSINGS = (
    "kind regards", "best regards", "warm regards", "regards", "best wishes", "all the best", "best", "sincerely",
    "yours sincerely", "yours truly", "yours faithfully", "yours", "cheers", "rgds", "br", "many thanks", "thanks",
    "thank you", "thx", "ta", "cordially", "respectfully", "love", "take care", "un saludo", "saludos",
    "saludos cordiales", "atentamente", "atte", "cordialmente", "gracias", "muchas gracias", "un cordial saludo",
    "un abrazo", "abrazos", "mil gracias", "gracias de antemano", "atenciosamente", "att", "cumprimentos",
    "com os melhores cumprimentos", "abraços", "abraço", "obrigada", "obrigado", "grato", "grata", "muito obrigada",
    "muito obrigado", "cordialmente", "desde já agradeço", "cordialement", "bien cordialement", "bien à vous",
    "salutations", "sincères salutations", "merci", "merci d'avance", "merci beaucoup", "cdt", "cdlt",
    "bonne journée", "bonne soirée", "respectueusement", "sentiments distingués", "mit freundlichen grüßen",
    "mit freundlichen grüssen", "mfg", "freundliche grüße", "freundliche grüsse", "viele grüße", "viele grüsse",
    "liebe grüße", "liebe grüsse", "lg", "vg", "beste grüße", "schöne grüße", "herzliche grüße", "gruß", "gruss",
    "grüße", "danke", "vielen dank", "besten dank", "danke im voraus", "hochachtungsvoll", "cordiali saluti",
    "distinti saluti", "saluti", "un saluto", "grazie", "grazie mille", "cordialmente", "grazie in anticipo",
    "buona giornata", "buona serata", "in fede", "un cordiale saluto", "met vriendelijke groet", "groeten",
    "groetjes", "bedankt", "mvg", "pozdrawiam", "z poważaniem", "dziękuję", "saygılarımla", "teşekkürler", "salam",
    "terima kasih", "dhanyavaad",
)  # fmt: skip
"""A name follows, up to the end of the line."""

PARTICLES = _words(
    "de del della di da do dos das du des d la las los le lo van von zu zum der den ter ten y e el al bin ibn abu",
    "af av st mac mc san",
)
"""Small words within names."""

NOT_NAMES = _words(
    # pronouns and function words of the six languages, which end a name that is written without capitals
    "i a an and but or so because where when what why how who the my me we you your he she it its is am are was",
    "were have has had not no yes please pls plz hi hello hey dear thanks thank still just on in at to of for",
    "from with about by if can could would will do did does this that there here need want wanna bought ordered",
    "order writing contacting calling trying looking waiting having getting going asking very really so too again",
    "also now today coming wrong spelled misspelled god changed",
    "y e o u pero porque que qué cuál cuándo cuando dónde donde cómo como mi mis tu su yo el la",
    "los las un una no sí si quiero quería necesito tengo compré hice pedí por para con en de del al muy aquí",
    "hola gracias estoy he eu meu minha mas porque onde quando cadê o os as um uma não sim quero queria preciso",
    "tenho comprei fiz por para pra com em do da no na muito oi olá estou et ou mais car où quand comment que qui",
    "mon ma mes je j un une le les des ne pas oui veux voudrais souhaite suis ai besoin pour avec en sur très",
    "bonjour merci und oder aber denn wo wann wie was wer warum mein meine ich der die das ein eine nicht kein ja",
    "nein will möchte brauche habe hab bin für mit in an auf sehr hallo danke ed ma perché dove quando come che",
    "chi il gli mio mia io un uno non sì vorrei voglio ho sono per con su molto ciao en maar ik mijn waar wanneer",
    "ale gdzie kiedy ve ama nerede dan tapi aur par",
    # words that are often written with a capital behind a mention
    "order orders prime premium customer client member support team service customers urgent monday tuesday",
    "wednesday thursday friday saturday sunday january february march april may june july august september",
    "october november december cliente soporte equipo servicio lunes martes miércoles jueves viernes sábado",
    "domingo urgente atendimento equipe suporte équipe kunde kundin kunden neukunde stammkunde mitglied team",
    "bestellung bestellnummer frage problem ende student studentin nutzer nutzerin käufer käuferin montag",
    "dienstag mittwoch donnerstag freitag samstag sonntag inhaber inhaberin assistenza servizio squadra amazon",
    "ebay paypal klarna visa mastercard dhl ups fedex dpd hermes gls iphone ipad samsung google apple instagram",
    "facebook whatsapp email e-mail mail iban address adresse dirección endereço indirizzo",
    # what people are, besides a name
    "furious angry upset mad livid happy unhappy sad sorry glad pleased annoyed frustrated disappointed disgusted",
    "shocked appalled stuck confused lost tired sick done sure unsure new back worried concerned desperate pregnant",
    "allergic interested unable able ready late early excited outraged horrified dissatisfied satisfied impressed",
    "grateful thankful surprised amazed serious anxious curious suspicious aware certain afraid speechless hopeful",
    "fuming raging irritated devastated heartbroken stressed embarrassed exhausted ridiculous unacceptable terrible",
    "furioso furiosa enojado enojada enfadado enfadada molesto molesta decepcionado decepcionada harto harta triste",
    "contento contenta feliz cansado cansada indignado indignada chateado chateada irritado irritada satisfeito",
    "satisfeita insatisfeito insatisfeita satisfecho satisfecha desesperado desesperada preocupado preocupada",
    "furieux furieuse déçu déçue fâché fâchée content contente mécontent mécontente désolé désolée énervé énervée",
    "inquiet inquiète satisfait satisfaite wütend sauer enttäuscht verärgert zufrieden unzufrieden traurig glücklich",
    "froh genervt empört entsetzt verzweifelt besorgt sprachlos müde arrabbiato arrabbiata deluso delusa scontento",
    "scontenta soddisfatto soddisfatta insoddisfatto insoddisfatta stanco stanca preoccupato preoccupata",
)
