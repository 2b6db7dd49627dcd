"""Usage: how much of each meter was used, as a value that adds up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import field, frozen

from tokenbill.core.base.inputs import is_mapping, pairs_of
from tokenbill.core.base.quoting import quoted
from tokenbill.core.base.tables import digits, html_table
from tokenbill.core.base.values import slot_setters
from tokenbill.core.metering.meters import KNOWN, Meter
from tokenbill.core.money.decimals import EXACT, LIMIT, ZERO, Number, number
from tokenbill.errors import InvalidMeter, InvalidUsage

__all__ = ["Quantities", "Usage"]

Quantities: TypeAlias = "Mapping[Any, Number] | Iterable[tuple[str, Number]]"
"""What usage may be given as: quantities by meter, or pairs of both."""

NOTHING: tuple[Any, ...] = ()


@frozen(init=False, eq=False, repr=False, order=False)
class Usage(Mapping[Meter, Decimal]):
    """How much of each meter was used: immutable, hashable, and it adds up like a ``Counter``.

    A meter that is absent counts 0, zeros are dropped, pairs that name a meter twice add up.

    Args:
        quantities: A mapping from meters to quantities in the meter's own unit, or pairs of both.
        more: Quantities of meters whose names are identifiers.

    Raises:
        InvalidMeter: If a key is no meter.
        InvalidNumber: If a quantity is a float, not finite, or out of bounds.
        InvalidUsage: If a quantity is negative, or *quantities* is neither a mapping nor pairs.

    >>> Usage(gpu_hours=10, api_calls=1000) + Usage({"gpu_hours": "0.5"})
    Usage({'api_calls': 1000, 'gpu_hours': 10.5})
    """

    counted: MappingProxyType[str, int | Decimal] = field()

    def __init__(self, quantities: Quantities = NOTHING, /, **more: Number) -> None:
        # Made for every event: plain ints of known meters pass the door of `number` here, others below.
        kind: Any = type(quantities)
        given: Any = quantities if kind is dict and not more else more if quantities is NOTHING else ()
        counted: dict[str, int | Decimal] = {}
        try:
            for text, quantity in given.items():
                if type(quantity) is int and 0 < quantity < LIMIT:
                    counted[KNOWN[text]] = quantity
        except (KeyError, AttributeError):
            counted.clear()
        if not counted or len(counted) != len(given):
            other: Any = quantities
            # of a subclass what was stored counts, whatever its methods say: a bill must not ask them again
            pairs = _stored_in(other) if isinstance(other, Usage) else pairs_of(other)
            if pairs is None:
                way_out = 'give meters and quantities: Usage({"gpu_hours": 10})'
                raise InvalidUsage("not usage", quantities, way_out)
            counted = {}
            for text, quantity in (*pairs, *more.items()):
                meter, checked = str.__str__(Meter(text)), _quantity(text, quantity)
                if checked:
                    counted[meter] = _sum(counted[meter], checked) if meter in counted else checked
        _set_counted(self, MappingProxyType(counted))

    def __getitem__(self, meter: str) -> Decimal:
        return Decimal(self.counted.get(str.__str__(Meter(meter)), 0))

    def __contains__(self, meter: object) -> bool:
        return isinstance(meter, str) and self.get(meter) is not None

    def get(self, meter: str, default: Any = None) -> Any:
        """The quantity of a meter, or *default* where nothing of it was used."""
        try:
            found = self.counted.get(str.__str__(Meter(meter)))
        except InvalidMeter:
            found = None
        return default if found is None else Decimal(found)

    def __iter__(self) -> Iterator[Meter]:
        return map(Meter, sorted(self.counted))

    def __len__(self) -> int:
        return len(self.counted)

    def __hash__(self) -> int:
        return hash(frozenset(self.counted.items()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Usage):
            return self.counted == other.counted
        return dict(self) == dict(other.items()) if is_mapping(other) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return Usage, (dict(self.counted),)

    def __repr__(self) -> str:
        return f"Usage({{{', '.join(f'{str.__repr__(meter)}: {self[meter]:f}' for meter in self)}}})"

    def __add__(self, other: Usage) -> Usage:
        return self.plus((other,)) if type(other) is Usage else NotImplemented

    def plus(self, others: Iterable[Usage]) -> Usage:
        """The usage with others added, in the time of one addition where they are small beside it.

        >>> Usage(calls=1).plus([Usage(calls=2), Usage(disks=3)])
        Usage({'calls': 3, 'disks': 3})
        """
        counted = self.counted.copy()  # a dict of the view would be made key by key, for each event
        for other in others:
            for meter, quantity in other.counted.items():
                before = counted.get(meter)
                if before is None:
                    counted[meter] = quantity
                elif type(before) is int and type(quantity) is int and before + quantity < LIMIT:
                    counted[meter] = before + quantity
                else:
                    counted[meter] = _sum(before, quantity)
        # Each quantity has passed the door: what is new is made without asking again, for each event.
        total = Usage.__new__(Usage)
        _set_counted(total, MappingProxyType(counted))
        return total

    def __radd__(self, other: object) -> Usage:
        return self if type(other) is int and other == 0 else NotImplemented  # sum() begins with 0

    def __sub__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        other = other if type(other) is Usage else Usage(other)
        left: dict[str, int | Decimal] = {**self.counted}
        for meter, quantity in other.counted.items():
            before = left.get(meter, 0)
            is_whole = type(before) is int and type(quantity) is int
            left[meter] = before - quantity if is_whole else EXACT.subtract(before, quantity)
        for meter, quantity in left.items():
            if quantity < 0:
                short = Decimal(quantity).copy_abs()
                raise InvalidUsage(
                    f"{meter} would fall below zero by", short, "take off at most what was used"
                )
        return Usage(left)

    def __mul__(self, times: Number) -> Usage:
        factor = _quantity("times", times)
        return Usage({meter: EXACT.multiply(self[meter], factor) for meter in self.counted})

    __rmul__ = __mul__

    def total(self, meter: str) -> Decimal:
        """The sum over every meter of this name that has these labels, whatever others it has.

        >>> Usage({"gpu_hours{gpu=H100}": 2, "gpu_hours{gpu=A100}": "0.5"}).total("gpu_hours")
        Decimal('2.5')
        """
        wanted, found = Meter(meter), ZERO
        for candidate, quantity in self.counted.items():
            if wanted.includes(Meter(candidate)):
                found = EXACT.add(found, quantity)
        return found

    def _repr_html_(self) -> str:
        return html_table(
            ("meter", "quantity"), [(meter, digits(self[meter])) for meter in self], numbers=(1,)
        )


(_set_counted,) = slot_setters(Usage)
_get_counted = Usage.__dict__["counted"].__get__


def _stored_in(usage: Usage) -> list[tuple[Any, Any]] | None:
    """The quantities in a usage of any class; None where it was made without any."""
    try:
        return list(_get_counted(usage).items())
    except AttributeError:
        return None


def _quantity(meter: object, given: object) -> int | Decimal:
    """A quantity through the door; an int stays one, since ints add and multiply faster."""
    quantity = number(given)
    if quantity < 0:
        raise InvalidUsage(
            f"negative quantity of {quoted(meter)}", given, "correct a bill by a difference of bills"
        )
    return given if type(given) is int else quantity


def _sum(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    """The sum of two quantities, still within the limits of the door."""
    if type(one) is int and type(other) is int:
        return one + other if one + other < LIMIT else number(one + other)
    return number(EXACT.add(one, other))
