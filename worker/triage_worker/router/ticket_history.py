"""What a ticket keeps of its messages, and how much of it."""

from collections.abc import Sequence

MAX_INTENTS = 100
"""How many of the latest intents a ticket lists."""

MAX_ENTITIES = 100
"""How many of the first entities a ticket lists."""

MAX_TAGS = 100
"""How many of the first tags a ticket has. Zendesk's field for tags holds about 5,000 characters, so 50 for each."""


def known_intents(known: list[str], latest: Sequence[str], intent: str, wishes: Sequence[str]) -> list[str]:
    """Add what a message asks for to the intents of a ticket.

    Args:
        known: the intents so far, oldest first.
        latest: what the message before asked for; the intent is not listed again if it is among them.
        intent: the message's intent.
        wishes: what the message asks for besides; added if they are not listed yet.
    """
    intents = [*known] if intent in latest else [*known, intent]
    return [*intents, *(wish for wish in wishes if wish not in intents)][-MAX_INTENTS:]


def known_tags(known: list[str], added: Sequence[str]) -> list[str]:
    """Add tags to those of a ticket, each once. The first ones stay: the helpdesk has them."""
    return list(dict.fromkeys([*known, *added]))[:MAX_TAGS]


def known_entities(known: list[dict[str, str]], named: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Add what a message names to what is known, each once."""
    entities = [*known]
    for entity in named:
        if entity not in entities and len(entities) < MAX_ENTITIES:
            entities.append(entity)
    return entities
