"""What values are made with: how they show, and room for what is worked out of them once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar, cast

from attrs import field, fields, has

__all__ = ["Cache", "Slot", "Value", "draft_of", "cache_field", "named", "slot_field", "slot_setters"]

Kept = TypeVar("Kept")


class Naming(Protocol):
    """What makes a named tuple of its parts."""

    def __call__(self, cls: type[Kept], parts: Iterable[Any], /) -> Kept:
        """A tuple of the class, of all its fields in their order."""
        ...


named: Naming = cast(Any, tuple).__new__
"""Makes a named tuple in a third of the time that its class takes, for events; it wants every field."""


class Value:
    """A value that shows its fields; written once, for making it anew in each class slows the import."""

    # here and not in each class: Python 3.11 lets no object change its class where both add it beside slots
    __slots__ = ("__weakref__",)

    def __repr__(self) -> str:
        if not has(type(self)):
            return object.__repr__(self)
        kept = (item for item in fields(cast(Any, type(self))) if item.repr)
        inner = ", ".join(f"{item.alias}={getattr(self, item.name)!r}" for item in kept)
        return f"{type(self).__qualname__}({inner})"


class Slot(Generic[Kept]):
    """Room for one thing that an upper floor works out of a value and keeps on it; None until then.

    It is no part of the value: a pickle or a deep copy of its owner leaves it empty.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Kept | None = None

    def __reduce__(self) -> tuple[type[Slot[Any]], tuple[()]]:
        return Slot, ()

    def __repr__(self) -> str:
        return "Slot()"


def slot_field() -> Any:
    """An attrs field that begins as an empty Slot, outside ``==``, hash and repr."""
    return field(factory=cast(Any, Slot), init=False, eq=False, repr=False)


class Cache(dict[Any, Any]):
    """A dict that a pickle or a deep copy of its owner leaves empty."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Cache], tuple[()]]:
        return Cache, ()

    def __repr__(self) -> str:
        return "Cache()"


def cache_field() -> Any:
    """An attrs field that begins as an empty Cache, and is no part of the value."""
    return field(factory=Cache, init=False, eq=False, repr=False)


def draft_of(cls: Any) -> Any:
    """A class with the slots of a frozen one, which can be written; for what is made with every event.

    Write a draft's fields and say ``draft.__class__ = cls``: then it is one, frozen. Nothing checks them.
    """
    # Frozen slots are written by a call each, those of a draft by one instruction: half the time of a line.
    # Python lets an object change its class where both have the same bases and the same slots.
    return type(f"{cls.__name__}Draft", cls.__bases__, {"__slots__": cls.__slots__, "__module__": __name__})


def slot_setters(cls: Any) -> tuple[Callable[[Any, Any], None], ...]:
    """What writes each field of a frozen class, for the few whose hot ``__init__`` is written by hand."""
    return tuple(cls.__dict__[item.name].__set__ for item in fields(cls))
