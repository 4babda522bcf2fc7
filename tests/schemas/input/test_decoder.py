"""Properties of the decoder that hold for every format."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected, Skipped

from tests.schemas.input.examples import JSON, NESTED, SOURCE, TEXT, accepted

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["text", "message_id", "conversation_id", "metadata", "channel", "other"])


@given(st.one_of(st.none(), st.binary(max_size=200)), st.sampled_from([JSON, TEXT, NESTED]))
def test_no_bytes_raise(value: bytes | None, shape: InputShape) -> None:
    assert isinstance(decode(value, SOURCE, shape), CustomerMessage | Rejected | Skipped)


@given(st.dictionaries(FIELDS, json_values), st.booleans())
def test_a_decoded_message_can_be_encoded(document: dict[str, object], ascii_only: bool) -> None:
    value = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    message = decode(value, SOURCE, JSON)
    if isinstance(message, CustomerMessage):
        assert message.text == document["text"]
        names = [message.message_id, message.conversation_id, message.customer_id, message.channel]
        for name in [*names, *message.metadata]:
            assert name is None or name.encode().decode() == name
        assert json.loads(json.dumps(message.metadata, allow_nan=False)) == message.metadata


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not text.isspace()))
def test_every_good_text_is_accepted(text: str) -> None:
    assert accepted(json.dumps({"text": text}).encode()).text == text


@pytest.mark.parametrize("shape", [JSON, TEXT, NESTED])
def test_a_rejection_contains_nothing_of_the_text(shape: InputShape) -> None:
    rejected = decode(b'{"text": "my card is 4111 1111\xff', SOURCE, shape)
    assert isinstance(rejected, Rejected)
    assert "4111" not in rejected.message
