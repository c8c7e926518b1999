"""pydantic: models validated from Python and JSON, with errors, schema and settings of their own."""

import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator


class Item(BaseModel):
    """A line of an order."""

    name: Annotated[str, Field(min_length=1, max_length=20)]
    price: Decimal
    kind: Literal["book", "disc"] = "book"


class Order(BaseModel):
    """An order."""

    number: int
    made: datetime.datetime
    items: list[Item]

    @field_validator("items")
    @classmethod
    def _is_not_empty(cls, value):
        if not value:
            raise ValueError("an order has items")
        return value


def main():
    """Validate a few thousand."""
    for number in range(8000):
        order = Order.model_validate(
            {"number": str(number), "made": "2026-01-01T10:00:00", "items": [{"name": "x", "price": "1.50"}] * 5}
        )
        assert Order.model_validate_json(order.model_dump_json()) == order
    assert sum(item.price for item in order.items) == Decimal("7.50")
    try:
        Order.model_validate({"number": "x", "made": "never", "items": []})
    except ValidationError as error:
        assert error.error_count() == 3
    assert Order.model_json_schema()["required"] == ["number", "made", "items"]
    assert TypeAdapter(dict[str, list[int]]).validate_json('{"a": ["1"]}') == {"a": [1]}


if __name__ == "__main__":
    main()
