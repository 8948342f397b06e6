"""Read values from JSON as frozen pydantic dataclasses: strict types, errors that name the field."""

import dataclasses
import json
from typing import Any, ClassVar, Final, Self, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

# Numbers are never made from texts, nor truths from numbers; a whole number is a number.
STRICT: Final = ConfigDict(strict=True, extra="forbid")

Kind = TypeVar("Kind")


def read_values(kind: type[Kind], values: Any) -> Kind:
    """A value of the kind from what a JSON parser made; lists become tuples.

    Raises:
        ValueError: a field is missing, unknown or of another type, or a number is NaN or infinite. The
            message names the field.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(values, allow_nan=False))
    except ValidationError as error:
        raise ValueError(describe(error)) from error


class PlainValues:
    """A base of dataclasses that travel as JSON."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """JSON text; NaN and infinity are refused."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The value of `to_dict`.

        Raises:
            ValueError: a field is missing, unknown, of another type or out of range; the message names it.
        """
        return read_values(cls, values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The value of `to_json`; ValueError as `from_dict`."""
        return cls.from_dict(json.loads(text))


def describe(error: ValidationError) -> str:
    """One line: the path of each field that was wrong (at most three), and what is wrong with it."""
    found = error.errors(include_url=False, include_context=False)
    lines = [f"{'.'.join(str(part) for part in one['loc']) or 'value'}: {one['msg']}" for one in found[:3]]
    rest = [f"{len(found) - 3} more"] if len(found) > 3 else []
    return "; ".join(lines + rest)
