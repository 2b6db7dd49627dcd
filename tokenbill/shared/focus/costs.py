"""Costs: the charges of a bill as FOCUS counts them, before they get their names and dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    plus,
    product,
    ratio,
    rounded,
    running_differences,
)
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.lines import LineItem

__all__ = ["MONEY", "Cost", "Listed", "Priced", "label_of", "line_cost", "priced", "split"]

MONEY = "Units"
"""The unit of what is priced by its amount: so many units of money at 1 each."""

Listed: TypeAlias = "Mapping[tuple[Meter | None, str], LineItem]"
"""The lines of the same usage at list prices, by meter and description."""


class Cost(NamedTuple):
    """One charge.

    ``amount`` is what it comes to, ``billed`` the same less what paid credit paid, ``effective`` what its use
    cost. Where there is no ``price`` the list and contracted costs are ``flat``. ``token`` is the virtual
    currency that it was paid in, with how many of it, at list and contract, a unit costs, and how many were
    drawn. Where terms change, ``version`` is the first that it is of, and ``period`` where those lie.
    """

    category: str
    kind: str
    text: str
    meter: Meter | None = None
    label: str = ""
    frequency: str = "One-Time"
    quantity: Decimal | None = None
    per: Decimal = ONE
    unit: str | None = None
    list_price: Decimal | None = None
    price: Decimal | None = None
    consumed: Decimal | None = None
    amount: Decimal = ZERO
    billed: Decimal = ZERO
    effective: Decimal = ZERO
    flat: tuple[Decimal, Decimal] = (ZERO, ZERO)
    token: tuple[str, Decimal, Decimal] | None = None
    version: int = 0
    period: Period | None = None

    @property
    def list_cost(self) -> Decimal:
        """Before all discounts; the product of the numbers shown."""
        return self._cost(self.list_price, self.flat[0])

    @property
    def contracted_cost(self) -> Decimal:
        """After negotiated discounts; the product of the numbers shown."""
        return self._cost(self.price, self.flat[1])

    def _cost(self, price: Decimal | None, flat: Decimal) -> Decimal:
        return flat if price is None or self.quantity is None else decimal(product(price, self.quantity))

    def worth(self, amount: Decimal) -> Cost:
        """The cost of an amount that nothing was paid of yet."""
        return self._replace(amount=amount, billed=amount, effective=amount)

    def within(self, version: int, period: Period | None) -> Cost:
        """The cost in its part of a period."""
        return self._replace(version=version, period=period)

    def less(self, paid: Decimal, value: Decimal) -> Cost:
        """The cost less what credit paid of it, which was bought for *value*."""
        billed = decimal(difference(self.billed, paid))
        effective = decimal(plus(difference(self.effective, paid), value))
        return self._replace(billed=billed, effective=effective)


class Priced(NamedTuple):
    """A part of a line that has one unit price; ``weight`` is its share of what the line comes to."""

    label: str
    quantity: Decimal
    per: Decimal
    unit: str | None
    list_price: Decimal
    price: Decimal
    weight: Exact
    used: Decimal | None


def label_of(line: LineItem) -> str:
    """What a line says after its meter: which tier, or which part of the price."""
    return line.description.removeprefix(str(line.meter or "")).removeprefix(", ")


def priced(line: LineItem, listed: Listed, factor: Exact) -> list[Priced]:
    """A line in parts of one unit price each; *factor* is what percent discounts leave of the price."""
    charge, label = line.charge, label_of(line)
    known = listed.get((line.meter, line.description), line).charge
    parts: list[Priced] = []
    if charge.fee:
        text, price = f"{label}, fee" if label else "fee", decimal(product(charge.fee, factor))
        at_list_fee = decimal(known.fee or charge.fee)
        parts.append(Priced(text, ONE, ONE, MONEY, at_list_fee, price, charge.fee, None))
    if charge.rate is not None:
        # FOCUS knows no half blocks: a rate for 0.5 units is one for 1 unit, at twice the price.
        per = line.per or ONE
        whole = Decimal(10 ** len(shortest(per).partition(".")[2]))
        blocks = rounded(ratio(line.quantity or ZERO, per), charge.round)
        at_list = charge.rate if known.rate is None else ratio(product(known.rate, per), known.per or ONE)
        parts.append(
            Priced(
                label,
                decimal(ratio(blocks, whole)),
                decimal(product(per, whole)),
                None,
                decimal(product(at_list, whole)),
                decimal(product(product(charge.rate, whole), factor)),
                product(charge.rate, blocks),
                line.quantity,
            )
        )
    if parts:
        return parts
    # What no rate says, such as a capped price, is so many units of money at 1.
    text, quantity = f"{label}, amount" if label else "amount", decimal(line.precise)
    return [Priced(text, quantity, ONE, MONEY, ONE, decimal(factor), line.precise, None)]


def line_cost(kind: str, line: LineItem, part: Priced) -> Cost:
    """The cost of a part of a line."""
    # FOCUS: a Purchase is never Usage-Based, and a true-up, which is billed once, is Usage.
    category = "Purchase" if kind == "fee" else "Usage"
    frequency = {"fee": "Recurring", "usage": "Usage-Based"}.get(kind, "One-Time")
    return Cost(
        category, kind, line.description, line.meter, part.label, frequency,
        part.quantity, part.per, part.unit, part.list_price, part.price,
    )  # fmt: skip


def split(total: Decimal, weights: Sequence[Exact]) -> list[Decimal] | None:
    """*total* in proportion to *weights*, as differences of the running sum; None where they come to nothing.

    >>> split(Decimal(1), [Decimal(1), Decimal(2)])
    [Decimal('0.333333333333333333'), Decimal('0.666666666666666667')]
    """
    # Charges that cancel out have no proportion; then nothing but nothing can be split by them.
    whole = exact_sum(weights)
    if not whole:
        return running_differences(weights) if weights and not total else None
    return running_differences(ratio(product(total, weight), whole) for weight in weights)
