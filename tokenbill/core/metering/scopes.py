"""Scopes: which charges a discount, a tax or a grant applies to, as their ``on=`` says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeAlias, cast

from tokenbill.core.base.inputs import name
from tokenbill.core.metering.meters import Meter
from tokenbill.errors import InvalidMeter

__all__ = ["FEE", "KINDS", "Scope", "covers", "scope"]

KINDS: Final = ("usage", "fee", "minimum")
"""The kinds of charge that a scope may name; other text names a fee, as ``fee:NAME``, or a meter."""
FEE: Final = "fee:"
"""What the name of a fee is written after."""

Scope: TypeAlias = "tuple[str, ...] | None"
"""Kinds, fees and meters in order of their text, or None for everything."""

PARTS = 1000
"""Most parts of one scope."""
WAY_OUT = 'leave on= out for everything, or name kinds, fees, meters: on=("fee:seats", "gpu_hours{gpu=H100}")'


def scope(value: object) -> Scope:
    """*value* as a scope: a kind, a fee, a meter that stands for all meters with its labels, or several.

    Raises:
        InvalidMeter: For anything else, and for a scope of nothing.

    >>> scope(("gpu_hours{region=eu, gpu=H100}", "fee:platform"))
    ('fee:platform', Meter('gpu_hours{gpu=H100,region=eu}'))
    """
    if value is None:
        return None
    if not isinstance(value, str | list | tuple | set | frozenset):
        raise InvalidMeter("not a scope", value, WAY_OUT)
    given = (value,) if isinstance(value, str) else cast("Collection[Any]", value)
    if not 0 < len(given) <= PARTS:
        raise InvalidMeter(f"not a scope of 1 to {PARTS} parts", given, WAY_OUT)
    return tuple(sorted({_part(part) for part in given}))


def _part(part: Any) -> str:
    # A kind stays plain text: a meter of the same name could not be told from it.
    if isinstance(part, str) and part in KINDS:
        return str.__str__(part)
    if isinstance(part, str) and part.startswith(FEE):
        return FEE + name(part.removeprefix(FEE))
    return Meter(part)


def covers(within: Scope, kind: str | tuple[str, ...], meter: Meter | None = None) -> bool:
    """Whether a charge of this *kind*, for this *meter* where it has one, lies in the scope *within*.

    A fee is said by its name, as ``fee:NAME``; what lifts a scope to a minimum of its own, by that scope.

    >>> (
    ...     covers(scope("gpu_hours"), "usage", Meter("gpu_hours{gpu=H100}")),
    ...     covers(scope("gpu_hours"), "fee"),
    ... )
    (True, False)
    >>> covers(scope("fee"), "fee:platform"), covers(scope("fee:storage"), "fee:platform")
    (True, False)
    """
    if within is None or kind in within:
        return True
    if not isinstance(kind, str):
        # a true-up is taxed like what it lifts: where a tax holds only a part of that, nobody can say how
        lifted = [("usage", part) if isinstance(part, Meter) else (part, None) for part in kind]
        return "minimum" in within or all(covers(within, *part) for part in lifted)
    if kind.startswith(FEE):
        return "fee" in within
    return meter is not None and any(isinstance(part, Meter) and part.includes(meter) for part in within)
