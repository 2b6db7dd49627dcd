"""Excerpts: values as an error may show them, however long, strange or hostile they are."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from decimal import Decimal

__all__ = ["listed", "quoted", "tail"]

SHOWN = 80
"""Most characters of a value that an error shows."""
COUNTED: tuple[type[Sized], ...] = (list, tuple, dict, set, bytes, bytearray)
"""What is shown by its length where it is long."""


def quoted(value: object) -> str:
    """*value* as an error may show it: one line, capped, without control characters."""
    text = repr(value[: SHOWN + 1]) if isinstance(value, str) else _repr(value)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """A few of *names*, and how many more there are."""
    every = sorted(names)
    few = ", ".join(quoted(str(name)) for name in every[:3]) or "nothing"
    return few if len(every) <= 3 else f"{few} and {len(every) - 3} more"


def tail(path: str) -> str:
    """A path without quotes, on one line; of a long one its end, which tells files apart."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path[-SHOWN - 1 :])
    return text if len(text) <= SHOWN else f"…{text[1 - SHOWN :]}"


def _repr(value: object) -> str:
    """``repr``, for a value that may be hostile or endless."""
    if type(value) is Decimal and value.is_finite() and -SHOWN < value.adjusted() < SHOWN:
        return format(value, "f")
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, COUNTED) and len(value) > SHOWN:
        return f"{type(value).__name__} of {len(value)}"
    try:
        return repr(value)
    except Exception:  # a foreign repr may raise anything; an error must still be told
        return f"{type(value).__name__} object"
