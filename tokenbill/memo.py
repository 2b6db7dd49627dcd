"""What a value works out once and keeps: never compared, shown, copied or stored with it."""

from __future__ import annotations

from typing import Any

from attrs import field

__all__ = ["Memo", "memo"]


class Memo(dict[Any, Any]):
    """A dict that a pickle or a copy of its owner leaves empty."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Memo], tuple[()]]:
        return Memo, ()

    def __repr__(self) -> str:
        return "Memo()"


def memo() -> Any:
    """An attrs field that begins as an empty Memo, and is no part of the value."""
    return field(factory=Memo, init=False, eq=False, repr=False)
