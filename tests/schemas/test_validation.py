"""The first error of a validation."""

from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel, ValidationError
from triage_schemas.validation import FirstError, first_error


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("the number is odd")
    return value


class Item(BaseModel):
    number: Annotated[int, AfterValidator(_even)]


class Order(BaseModel):
    items: list[Item]


@pytest.mark.parametrize(
    ("text", "expected", "path"),
    [
        ("{}", FirstError(("items",), "missing", "Field required"), "items"),
        (
            '{"items": [{"number": 2}, {}]}',
            FirstError(("items", 1, "number"), "missing", "Field required"),
            "items.1.number",
        ),
        (
            '{"items": [{"number": 3}]}',
            FirstError(("items", 0, "number"), "value_error", "the number is odd"),
            "items.0.number",
        ),
        ('"secret"', FirstError((), "model_type", "Input should be an object"), ""),
    ],
)
def test_it_names_the_field_and_the_error_and_never_the_value(text: str, expected: FirstError, path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate_json(text)
    found = first_error(caught.value)
    assert found == expected
    assert found.path == path
    assert "secret" not in str(found)
