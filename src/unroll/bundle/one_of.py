"""A setting that takes one of some names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import core_schema

from unroll.errors import nearest


class OneOf:
    """Marks a text of a settings schema that must be one of some names, or None where the schema takes that:
    `encoder: Annotated[str | None, OneOf(CELLS)]`.

    Args:
        names: where they stand; looked up at each check, so that a name that was added is known.
    """

    def __init__(self, *names: Iterable[str]) -> None:
        self._names = names

    @property
    def choices(self) -> list[str]:
        """The names as they are now."""
        return [name for part in self._names for name in part]

    def check(self, value: str | None) -> str | None:
        """Return the value.

        Raises:
            ValueError: it is none of the names; says the nearest.
        """
        choices = self.choices
        if value is not None and value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}{nearest(value, choices)}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


def choices(schema: type[BaseModel], key: str) -> list[str]:
    """The names that a key of a schema takes; empty if it has no such key, or takes anything."""
    field = schema.model_fields.get(key)
    marks = [] if field is None else [mark for mark in field.metadata if isinstance(mark, OneOf)]
    return [name for mark in marks for name in mark.choices]
