"""Examples have no personal data and no secrets."""

from typing import Any

import pytest
from triage_worker.doctor.masking import example_of, masking


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("text", "mail me at ana@example.com", "mail me at [EMAIL_1]"),
        ("text", "line one\nline two", "line one line two"),
        ("requester.name", "Anna Silva", "[PERSONAL]"),
        ("customer.firstName", "Anna", "[PERSONAL]"),
        ("name", "Anna Silva", "[PERSONAL]"),
        ("product.name", "Wooden train", "Wooden train"),
        ("shipping.street", "Main Street 5", "[PERSONAL]"),
        ("auth.access_token", "abc123", "[SECRET]"),
        ("session.id", "s-17", "s-17"),
        ("phone", "+49 151 12345678", "[PHONE_1]"),
        ("created_at", 1790000000, "1790000000"),
        ("contact", 1790000000, "[PHONE_1]"),
        ("ok", True, "true"),
        ("ok", None, "null"),
        ("raw", b"\xff\xfe", "2 bytes"),
        ("count", 17, "17"),
    ],
)
def test_an_example_is_masked(path: str, value: Any, shown: str) -> None:
    assert example_of(tuple(path.split(".")), value, masking("DE")) == shown
