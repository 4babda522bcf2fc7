"""What the router takes from an intent event about a message of a helpdesk."""

from typing import Any

from triage_worker.router.intent_parser import ParsedIntent, parse_intent

from tests.worker.router.intents import intent_event


class Record:
    """A record of ``customer.intents``."""

    topic, partition, offset, headers = "customer.intents", 0, 1, ()
    key: bytes | None = b"k"

    def __init__(self, **fields: Any) -> None:
        self.value: bytes | None = intent_event(7, **fields).write()


def parsed(**fields: Any) -> ParsedIntent:
    found = parse_intent(Record(**fields))
    assert isinstance(found, ParsedIntent)
    return found


def test_the_helpdesks_ticket_and_the_message_are_kept() -> None:
    message = parsed(helpdesk_ticket_id="1042", language="en").message
    assert (message.helpdesk_ticket_id, message.confidence) == ("1042", 0.97)
    source = {"topic": "in", "partition": 0, "offset": 7}
    assert message.reference == {"message_id": "m-7", "channel": "chat", "language": "en", "source": source}


def test_messages_without_a_conversation_belong_to_that_of_their_ticket() -> None:
    assert parsed(conversation_id=None, helpdesk_ticket_id="1042").message.conversation_id == "1042"
    assert parsed(conversation_id="chat-1", helpdesk_ticket_id="1042").message.conversation_id == "chat-1"
    assert parsed(conversation_id=None).message.conversation_id == "m-7"
