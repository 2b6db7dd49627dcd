"""Scopes: which charges a discount, a tax or a grant applies to, as their ``on=`` says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeAlias, cast

from tokenbill.core.metering.meters import Meter
from tokenbill.errors import InvalidMeter

__all__ = ["KINDS", "Scope", "covers", "scope"]

KINDS: Final = ("usage", "fee", "minimum")
"""The kinds of charge that a scope may name; any other text names a meter."""

Scope: TypeAlias = "tuple[str, ...] | None"
"""Kinds and meters in order of their text, or None for everything."""

PARTS = 1000
"""Most parts of one scope."""
WAY_OUT = 'leave on= out for everything, or name kinds and meters: on=("fee", "gpu_hours{gpu=H100}")'


def scope(value: object) -> Scope:
    """*value* as a scope: a kind, a meter that stands for all meters with its labels, or several of both.

    Raises:
        InvalidMeter: For anything else, and for a scope of nothing.

    >>> scope(("gpu_hours{region=eu, gpu=H100}", "fee"))
    ('fee', Meter('gpu_hours{gpu=H100,region=eu}'))
    """
    if value is None:
        return None
    if not isinstance(value, str | list | tuple | set | frozenset):
        raise InvalidMeter("not a scope", value, WAY_OUT)
    given = (value,) if isinstance(value, str) else cast("Collection[Any]", value)
    if not 0 < len(given) <= PARTS:
        raise InvalidMeter(f"not a scope of 1 to {PARTS} parts", given, WAY_OUT)
    # A kind stays plain text: a meter of the same name could not be told from it.
    kinds = {str.__str__(part) for part in given if isinstance(part, str) and part in KINDS}
    meters = {Meter(part) for part in given if not (isinstance(part, str) and part in KINDS)}
    return tuple(sorted(kinds | meters))


def covers(within: Scope, kind: str, meter: Meter | None = None) -> bool:
    """Whether a charge of this *kind*, for this *meter* where it has one, lies in the scope *within*.

    >>> covers(scope("gpu_hours"), "usage", Meter("gpu_hours{gpu=H100}")), covers(scope("gpu_hours"), "fee")
    (True, False)
    """
    if within is None or kind in within:
        return True
    return meter is not None and any(isinstance(part, Meter) and part.includes(meter) for part in within)
