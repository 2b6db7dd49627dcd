"""Costs: the charges of a bill as FOCUS counts them, before they get their names and dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import ONE, ZERO, Exact, decimal, difference, plus, product, ratio, rounded
from tokenbill.core.rating.lines import Charge, LineItem

__all__ = ["MONEY", "Cost", "Listed", "Priced", "apart", "label_of", "line_cost", "priced", "split", "sum_of"]

MONEY = "Units"
"""The unit of what is priced by its amount: so many units of money at 1 each."""

Listed: TypeAlias = "Mapping[tuple[Meter | None, str], LineItem]"
"""The lines of the same usage at list prices, by meter and description."""


class Cost(NamedTuple):
    """One charge.

    ``amount`` is what it comes to, ``billed`` the same less what paid credit paid, ``effective`` what its use
    cost. Where there is no ``price`` the list and contracted costs are ``flat``. ``token`` is the virtual
    currency that it was paid in, with how many of it, at list and contract, a unit costs, and how many were
    drawn.
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
        prices = _prices(charge.fee, known.fee or charge.fee, factor)
        parts.append(Priced(_with(label, "fee"), ONE, ONE, MONEY, *prices, charge.fee, None))
    if charge.rate is not None:
        parts.append(_by_rate(line, charge.rate, known, factor))
    return parts or [_by_amount(line, factor)]


def _by_rate(line: LineItem, rate: Decimal, known: Charge, factor: Exact) -> Priced:
    """What a line counts at its rate, in blocks of whole units."""
    per = line.per or ONE
    blocks, whole = rounded(ratio(line.quantity or ZERO, per), line.charge.round), _whole(per)
    at_list = rate if known.rate is None else ratio(product(known.rate, per), known.per or ONE)
    prices = _prices(product(rate, whole), product(at_list, whole), factor)
    block, quantity = decimal(product(per, whole)), decimal(ratio(blocks, whole))
    return Priced(label_of(line), quantity, block, None, *prices, product(rate, blocks), line.quantity)


def _by_amount(line: LineItem, factor: Exact) -> Priced:
    """A line without a rate: its amount, in units of money."""
    quantity, prices = decimal(line.precise), _prices(ONE, ONE, factor)
    return Priced(_with(label_of(line), "amount"), quantity, ONE, MONEY, *prices, line.precise, None)


def _with(label: str, more: str) -> str:
    return f"{label}, {more}" if label else more


def _prices(rate: Exact, listed: Exact, factor: Exact) -> tuple[Decimal, Decimal]:
    """A list and a contracted price."""
    return decimal(listed), decimal(product(rate, factor))


def _whole(per: Decimal) -> Decimal:
    """The least power of ten that makes a number of units whole: FOCUS knows no half blocks."""
    return Decimal(10 ** len(shortest(per).partition(".")[2]))


def line_cost(kind: str, line: LineItem, part: Priced) -> Cost:
    """The cost of a part of a line."""
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
    whole = sum_of(weights)
    if not whole:
        return apart(weights) if weights and not total else None
    running: Exact = ZERO
    shown, parts = ZERO, list[Decimal]()
    for weight in weights:
        running = plus(running, weight)
        upto = decimal(ratio(product(total, running), whole))
        parts.append(decimal(difference(upto, shown)))
        shown = upto
    return parts


def apart(amounts: Iterable[Exact]) -> list[Decimal]:
    """Amounts as Decimals that add up to the sum, as differences of the running sum."""
    running: Exact = ZERO
    shown, parts = ZERO, list[Decimal]()
    for amount in amounts:
        running = plus(running, amount)
        parts.append(decimal(difference(decimal(running), shown)))
        shown = decimal(running)
    return parts


def sum_of(amounts: Iterable[Exact]) -> Exact:
    """Amounts together, exactly."""
    total: Exact = ZERO
    for amount in amounts:
        total = plus(total, amount)
    return total
