"""What the names of fields say: words of shops' and helpdesks' schemas, in several languages."""

import re
from collections.abc import Collection

from triage_schemas.json_values.paths import Path, is_index

PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEXT = _words(
    "text body message msg content comment comments question utterance inquiry enquiry plain plaintext review "
    "feedback nachricht inhalt kommentar frage mensaje texto comentario pregunta mensagem messaggio testo commento "
    "domanda texte commentaire bericht tekst wiadomosc tresc mesaj metin pesan isi"
)
DESCRIPTION = _words("description desc details detail note notes reason query transcript snippet beschreibung")
SUBJECT = _words("subject title headline betreff titel asunto objet sujet assunto oggetto onderwerp temat konu subjek")
NOT_TEXT = _words(
    "id ids uuid guid key token hash url uri link href path file filename image avatar icon type kind status state "
    "code slug lang language locale country city street address zip postcode currency version agent ua useragent ip "
    "host name username email mail phone tag tags label labels category channel source signature template html sku "
    "vendor brand password secret schema class event action operation"
)
NOT_THE_CUSTOMERS = _words(
    "product products items lineitems article order orders cart agent assignee bot assistant operator staff "
    "signature quoted quote previous before old raw headers metadata context device browser attachment attachments "
    "form survey template macro policy rule config internal reply replies answer response suggestion suggestions"
)
CONVERSATION = {
    "conversation": 1.0, "conversations": 1.0, "thread": 0.95, "ticket": 0.9, "dialog": 0.9, "dialogue": 0.9,
    "chat": 0.85, "case": 0.85, "convo": 0.9, "session": 0.7, "issue": 0.7, "request": 0.6, "room": 0.6, "topic": 0.3,
    "vorgang": 0.8, "gespraech": 0.9, "conversacion": 1.0, "conversa": 1.0, "conversazione": 1.0, "gesprek": 1.0,
}  # fmt: skip
ID = _words("id uuid guid key number no nr num ref reference sid oid")
HTML = frozenset({"html", "richtext"})

PERSON = _words(
    "firstname lastname fullname surname givenname familyname displayname username nickname vorname nachname nombre "
    "apellido prenom nom cognome naam achternaam street address birthday birthdate dob city zip postcode"
)
PEOPLE = _words(
    "customer user requester author sender contact from to agent assignee buyer client person recipient submitter "
    "shipping billing kunde cliente"
)
TIMES = frozenset({"created", "updated", "sent", "timestamp", "time", "date", "received", "at", "ts", "ms"})
SECRET = _words("password passwd secret token apikey authorization auth cookie credential session jwt pin cvv cvc")


def words_of(step: str) -> list[str]:
    """The words of a field's name, in small letters: ``bodyText`` and ``body_text`` have two."""
    return [part.lower() for part in PART.findall(step)]


def leaf_words(path: Path) -> list[str]:
    """The words of the last name in a path; indices of lists, and DynamoDB's types, are no names."""
    names = [step for step in path if not is_index(step)]
    if len(names) > 1 and names[-1] in {"S", "N", "string", "$oid", "$numberLong", "$date"}:
        names.pop()
    return words_of(names[-1]) if names else []


def outer_words(path: Path) -> set[str]:
    """The words of all names in a path but the last."""
    names = [step for step in path if not is_index(step)]
    return {word for step in names[:-1] for word in words_of(step)}


def is_one_of(path: Path, names: Collection[str]) -> bool:
    """Whether a word of the last name, or all of them together, is one of some names."""
    words = leaf_words(path)
    return "".join(words) in names or any(word in names for word in words)


def is_persons_name(path: Path) -> bool:
    """Whether a field holds what a person is called, or where the person lives, as far as its name says."""
    words = leaf_words(path)
    if "".join(words) in PERSON or any(word in PERSON for word in words):
        return True
    outer = outer_words(path)
    return "name" in words and bool(PEOPLE & {*words, *outer} or (words == ["name"] and not outer))


def is_secret(path: Path) -> bool:
    """Whether a field holds a secret, as far as its name says."""
    words = leaf_words(path)
    return "".join(words) in SECRET or any(word in SECRET - {"session", "auth", "pin"} for word in words)
