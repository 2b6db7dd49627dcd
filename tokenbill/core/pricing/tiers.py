"""Prices by tiers: each unit at its own tier's rate, or all units at the rate of the tier reached."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, field, frozen

from tokenbill.core.base.inputs import listed_of, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Direction,
    Exact,
    Number,
    difference,
    exact_sum,
    number,
    plus,
    product,
    ratio,
    rounded,
)
from tokenbill.core.money.validators import non_negative, optional_number, positive, yes_or_no
from tokenbill.core.pricing.breakdown import STARTED, PriceComponent, direction, units
from tokenbill.core.pricing.curves import NIL, Curve, Form, constant, curve, line, stepped
from tokenbill.core.pricing.price import MODELS, Price
from tokenbill.errors import InvalidPrice

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["Graduated", "Tier", "Volume"]

TIERS = 1000
"""Most tiers of one price."""
TOLD = 6
"""Most tiers that a rule lists."""


@frozen(repr=False)
class Tier(Value):
    """Units up to and including *up_to* cost *rate* for each *per* of them; entering costs *fee*.

    Args:
        up_to: The last unit of the tier; None is open, and the last tier. The lower end is the tier before.
        rate: Amount for *per* units, in the currency of the schedule.
        fee: Amount for entering the tier.
        per: Units that the rate covers; None takes the *per* of the whole price.
        round: ``up`` makes blocks of *per* units, of which a started one is a full one.

    Raises:
        InvalidNumber: If a number is a float, not finite, or out of bounds.
        InvalidPrice: If *up_to* or *per* is not positive, or *rate* or *fee* is negative.

    >>> Tier(1000, "0.01").rate
    Decimal('0.01')
    """

    up_to: Decimal | None = field(converter=optional_number, validator=positive)
    rate: Decimal = field(default=ZERO, converter=number, validator=non_negative)
    fee: Decimal = field(default=ZERO, converter=number, validator=non_negative)
    per: Decimal | None = field(default=None, converter=optional_number, validator=positive)
    round: Direction = field(default="none", validator=direction)

    @classmethod
    def widths(cls, widths: Iterable[tuple[Number | None, Number]]) -> tuple[Tier, ...]:
        """Tiers of a table that says "the first 200, the next 300": pairs of width and rate.

        >>> [tier.up_to for tier in Tier.widths([(200, "0.10"), (300, "0.08"), (None, "0.05")])]
        [Decimal('200'), Decimal('500'), None]
        """
        pairs = [(optional_number(width), rate) for width, rate in _pairs(widths)]
        # price lists give widths, "the next 300", or ends; prices are kept by ends, which add up
        ends = accumulate((width for width, _ in pairs if width is not None), cast("Any", plus))
        return tuple(cls(None if width is None else next(ends), rate) for width, rate in pairs)

    @classmethod
    def lower_bounds(cls, bounds: Iterable[tuple[Number, Number]]) -> tuple[Tier, ...]:
        """Tiers of a table that says "above 0, above 200": pairs of lower end and rate.

        >>> [tier.up_to for tier in Tier.lower_bounds([(0, "0.10"), (200, "0.08")])]
        [Decimal('200'), None]
        """
        pairs = _pairs(bounds)
        if not pairs or number(pairs[0][0]):
            raise InvalidPrice(
                "tiers that do not begin at zero", pairs, "give the first tier the lower end 0"
            )
        # each tier ends where the next one begins, and the last is open
        ends: list[Number | None] = [*(low for low, _ in pairs[1:]), None]
        return tuple(cls(end, rate) for end, (_, rate) in zip(ends, pairs, strict=True))

    def priced(self, units: Exact, per: Decimal) -> Exact:
        """The fee and so many units at the rate; *per* holds where the tier gives none."""
        per = self.per or per
        # blocks are started within the tier: a unit of the next tier completes none of this one
        if per is not ONE or self.round != "none":
            units = rounded(ratio(units, per), self.round)
        amount = product(units, self.rate)
        return plus(self.fee, amount) if self.fee else amount

    def form(self, per: Decimal, through: Fraction = NIL) -> Form:
        """The same as a form of the quantity, units counted from *through*."""
        # the rate is for a block, the line for one unit; a Fraction, for a third of a block has no decimal
        blocks = line(1 / Fraction(self.per or per), through)
        return constant(Fraction(self.fee)).plus(stepped(Fraction(self.rate), self.round, blocks))

    def component(self, units: Exact, per: Decimal, label: str) -> PriceComponent:
        """The same as a component of a price's amount."""
        amount = self.priced(units, per)
        return PriceComponent(amount, units, self.rate, self.per or per, self.round, self.fee, label)


def _pairs(value: object) -> list[tuple[Any, Any]]:
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidPrice("not a table of tiers", value, 'give pairs: [(200, "0.10"), (None, "0.08")]')
    return pairs


def _tiers(value: object) -> tuple[Tier, ...]:
    """Tiers as a tuple; a mapping or a text is iterable too, but holds none."""
    found = listed_of(value, most=TIERS)
    if not found or not all(isinstance(tier, Tier) for tier in found):
        raise InvalidPrice("not tiers", value, 'give a list: [Tier(1000, "0.01"), Tier(None, "0.005")]')
    return found


def _ascending(_: object, __: Attribute[Any], tiers: tuple[Tier, ...]) -> None:
    """Validate that each tier ends above the one before, and that only the last is open."""
    if len(tiers) > TIERS:
        raise InvalidPrice("too many tiers", len(tiers), f"give at most {TIERS}")
    # beyond a closed last tier no price would hold, and usage there would be billed at nothing
    if tiers[-1].up_to is not None:
        raise InvalidPrice(
            "the last tier is closed", tiers[-1].up_to, "let it end with None, so that every unit has one"
        )
    # two tiers of one end would leave it to their order which of them is charged
    for tier, following in pairwise(tiers):
        if tier.up_to is None or (following.up_to is not None and following.up_to <= tier.up_to):
            raise InvalidPrice(
                "tiers out of order", following.up_to, "let each end above the one before, the last with None"
            )


class TierTable:
    """What the tiers of a price are read by: their ends, their lower ends, their labels."""

    __slots__ = ("ends", "labels", "lows")

    def __init__(self, tiers: Iterable[Tier]) -> None:
        self.ends = [tier.up_to for tier in tiers if tier.up_to is not None]
        # the end of a tier belongs to it: unit 1,000 of "up to 1,000" costs what the first tier says
        self.lows = [ZERO, *self.ends]
        spans = [f"{low:f} to {high:f}" for low, high in pairwise(self.lows)]
        spans.append(f"above {self.ends[-1]:f}" if self.ends else "any quantity")
        self.labels = [f"tier {i}: {span}" for i, span in enumerate(spans, 1)]


def _entered(price: Graduated | Volume, tier: Tier, quantity: Exact) -> Tier:
    """The tier as it is charged: nothing used owes no fee, unless the price says so."""
    return tier if quantity or price.fee_at_zero else evolve(tier, fee=ZERO)


def _words(price: Graduated | Volume) -> str:
    """The first tiers of a price in words."""
    told = list[str]()
    for tier in price.tiers[:TOLD]:
        units = tier.per or price.per
        blocks = f", {STARTED[tier.round]} ones" if tier.round != "none" else ""
        end = "above" if tier.up_to is None else f"up to {tier.up_to:f}"
        rate = f"{end} at {tier.rate:f}" + (f" for {units:f}{blocks}" if units != ONE or blocks else "")
        told.append(f"{rate} (and {tier.fee:f} once)" if tier.fee else rate)
    return "; ".join(told) + ("; …" if len(price.tiers) > TOLD else "")


@frozen(repr=False)
class Graduated(Price):
    """Each unit costs the rate of the tier it falls in, and every tier entered its fee.

    Args:
        tiers: Ascending, the last one open.
        per: Units that a rate covers, in tiers that give none.
        fee_at_zero: Whether the first tier's fee is due though nothing is used.

    Raises:
        InvalidPrice: If there are no tiers, they do not ascend, or the last one is closed.

    Source: docs/explanation/pricing-models.md#graduated

    >>> Graduated([Tier(1000, "0.01"), Tier(None, "0.005")])(1500)
    Decimal('12.500')
    """

    PAGE = f"{MODELS}#graduated"

    tiers: tuple[Tier, ...] = field(converter=_tiers, validator=_ascending)
    per: Decimal = field(default=ONE, converter=number, validator=positive)
    fee_at_zero: bool = field(default=False, validator=yes_or_no)

    @cached_property
    def table(self) -> TierTable:
        """What its tiers are read by."""
        return TierTable(self.tiers)

    @cached_property
    def full_tiers(self) -> list[PriceComponent]:
        """Every tier used up, the last one empty: the same on each bill."""
        # a tier used up costs the same for ever, so that only the last one entered is worked out on a bill
        widths = [*(difference(high, low) for low, high in pairwise(self.table.lows)), ZERO]
        tiers = zip(self.tiers, widths, self.table.labels, strict=True)
        return [tier.component(width, self.per, label) for tier, width, label in tiers]

    def amount(self, quantity: Exact) -> Exact:
        return exact_sum([component.amount for component in self.breakdown(quantity)])

    def pieces(self) -> Curve:
        lows = list(map(Fraction, self.table.lows))
        own = [tier.form(self.per, low) for tier, low in zip(self.tiers, lows, strict=True)]
        # every tier begins where the one before it stood when it was full: the curve has no gap in it
        full = (form.at(end) for form, end in zip(own, lows[1:], strict=False))
        forms = [
            form.plus(constant(before))
            for form, before in zip(own, accumulate(full, initial=NIL), strict=True)
        ]
        return curve(Fraction(self.tiers[0].fee) if self.fee_at_zero else NIL, [*lows[1:], None], forms)

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        top, units, amount = self.tier_reached(quantity)
        full, fee = self.full_tiers, _entered(self, self.tiers[top], quantity).fee
        return (*full[:top], full[top]._replace(amount=amount, quantity=units, fee=fee))

    def tier_reached(self, quantity: Exact) -> tuple[int, Exact, Exact]:
        """How many tiers are used up, and the units and the amount in the one that the quantity ends in."""
        table = self.table
        # left, for a quantity that is the end of a tier still falls in it
        top = bisect_left(table.ends, quantity)
        units = difference(quantity, table.lows[top])
        return top, units, _entered(self, self.tiers[top], quantity).priced(units, self.per)

    def in_words(self) -> str:
        return f"each unit as its tier says: {_words(self)}"


@frozen(repr=False)
class Volume(Price):
    """All units cost the rate of the tier that the total falls in, and that tier's fee.

    Args:
        tiers: Ascending, the last one open.
        per: Units that a rate covers, in tiers that give none.
        fee_at_zero: Whether the first tier's fee is due though nothing is used.

    Raises:
        InvalidPrice: If there are no tiers, they do not ascend, or the last one is closed.

    Source: docs/explanation/pricing-models.md#volume

    >>> Volume([Tier(1000, "0.01"), Tier(None, "0.005")])(1500)
    Decimal('7.500')
    """

    PAGE = f"{MODELS}#volume"

    tiers: tuple[Tier, ...] = field(converter=_tiers, validator=_ascending)
    per: Decimal = field(default=ONE, converter=number, validator=positive)
    fee_at_zero: bool = field(default=False, validator=yes_or_no)

    @cached_property
    def table(self) -> TierTable:
        """What its tiers are read by."""
        return TierTable(self.tiers)

    def tier_at(self, quantity: Exact | Number) -> Tier:
        """The tier that a total falls in; its end belongs to it.

        >>> Volume([Tier(10, 2), Tier(None, 1)]).tier_at(10).rate
        Decimal('2')
        """
        # a quantity that was converted may be a Fraction, which no Decimal holds
        exact = quantity if isinstance(quantity, Fraction) else units(quantity)
        return self.tiers[bisect_left(self.table.ends, exact)]

    def amount(self, quantity: Exact) -> Exact:
        return self.breakdown(quantity)[0].amount

    def pieces(self) -> Curve:
        # all units at one rate: where a tier ends the amount may fall, which `lint` calls a cliff
        forms = [tier.form(self.per) for tier in self.tiers]
        at_zero = Fraction(self.tiers[0].fee) if self.fee_at_zero else NIL
        return curve(at_zero, [*map(Fraction, self.table.ends), None], forms)

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        top = bisect_left(self.table.ends, quantity)
        tier = _entered(self, self.tiers[top], quantity)
        return (tier.component(quantity, self.per, self.table.labels[top]),)

    def in_words(self) -> str:
        return f"all units as the tier of their total says: {_words(self)}"
