"""What values are made with: a memo of what they work out once, and the slots of those made most often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, fields

__all__ = ["Memo", "memo_field", "slot_setters"]


class Memo(dict[Any, Any]):
    """A dict that a pickle or a copy of its owner leaves empty."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Memo], tuple[()]]:
        return Memo, ()

    def __repr__(self) -> str:
        return "Memo()"


def memo_field() -> Any:
    """An attrs field that begins as an empty Memo, and is no part of the value."""
    return field(factory=Memo, init=False, eq=False, repr=False)


def slot_setters(cls: Any) -> tuple[Callable[[Any, Any], None], ...]:
    """What writes each field of a frozen class, for the few whose ``__init__`` is hot and so written by hand."""
    return tuple(cls.__dict__[item.name].__set__ for item in fields(cls))
