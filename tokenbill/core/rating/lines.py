"""The rows of a bill, and how those of two bills differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from tokenbill.core.base.tables import digits, shortest
from tokenbill.core.base.values import Value, draft_of, slot_setters
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Direction,
    Exact,
    decimal,
    difference,
    plus,
    product,
    ratio,
    rounded,
)

__all__ = [
    "COLUMNS",
    "HEADER",
    "NUMBERS",
    "Charge",
    "LineItem",
    "less",
    "line_item",
    "telescoped",
]


HEADER = ("description", "quantity", "rate", "amount")
NUMBERS = (1, 2, 3)
"""The columns of a bill as a table, and which of them are numbers."""


KINDS = ("fee", "usage", "discount", "maximum", "minimum", "credit", "tax", "adjustment", "rounding")
RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
"""The kinds of lines, in the order of the stages."""

COLUMNS = frozenset(
    (
        *("plan", "kind", "meter", "description", "quantity", "rate", "per", "tier_from", "tier_up_to"),
        *("amount", "currency"),
        *("period_start", "period_end", "net", "tax", "total"),
    )
)
"""The columns of a bill as rows of data."""
BOUNDS = r"tier [0-9]+: (?:([0-9.]+) to ([0-9.]+)|above ([0-9.]+)|any quantity)"
"""What the lines of tiers say of their bounds."""


@frozen(repr=False)
class Charge(Value):
    """What a line is for, and how its amount comes about: the same on every bill of a plan.

    Where there is a ``rate`` the amount is fee + rate × quantity ÷ per, the quotient made whole by ``round``;
    else ``rule`` says what it is.
    """

    kind: str
    meter: Meter | None
    description: str
    rate: Decimal | None = None
    per: Decimal | None = None
    round: Direction = "none"
    fee: Decimal = ZERO
    rule: str = ""


@frozen(init=False, eq=False, repr=False)
class LineItem(Value):
    """One row of a bill: what was charged, and the arithmetic that a clerk can redo.

    ``amount`` is a Decimal in the bill's currency; the amounts of a bill's lines sum to its total.
    ``exact`` is the same to the last digit, as a Fraction.
    What is the same on every bill stands in ``charge``: ``kind``, ``meter``, ``description``, ``rate`` …
    """

    _charge: Charge
    quantity: Decimal | None
    amount: Decimal
    precise: Exact
    _base: tuple[Any, Any] | None = None

    def __init__(
        self,
        charge: Charge,
        quantity: Decimal | None,
        amount: Decimal,
        precise: Exact,
        base: tuple[Any, Any] | None = None,
    ) -> None:
        _set_charge(self, charge)
        _set_quantity(self, quantity)
        _set_amount(self, amount)
        _set_precise(self, precise)
        _set_base(self, base)

    @property
    def charge(self) -> Charge:
        """What the line is for; what a rule was applied to is put into its words when they are asked for."""
        charge, base = self._charge, self._base
        # Asked once at most: the words replace the number that they were made of.
        if base is not None:
            exact = Fraction(base[0]) / Fraction(base[1])
            charge = evolve(charge, rule=charge.rule.replace("{}", shortest(decimal(exact))))
            _set_charge(self, charge)
            _set_base(self, None)
        return charge

    def __eq__(self, other: object) -> bool:
        if type(other) is not LineItem:
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        return self.charge, self.quantity, self.amount, self.precise

    def __repr__(self) -> str:
        charge, quantity, amount, precise = self._values()
        return f"LineItem(charge={charge!r}, quantity={quantity!r}, amount={amount!r}, precise={precise!r})"

    @property
    def kind(self) -> str:
        """What is charged: ``usage``, ``fee``, ``tax``, ``rounding`` and so on."""
        return self._charge.kind

    @property
    def meter(self) -> Meter | None:
        """The entry of the schedule, with the labels of the group; None where the line is of no meter."""
        return self._charge.meter

    @property
    def description(self) -> str:
        """What the line is for, in words."""
        return self._charge.description

    @property
    def rate(self) -> Decimal | None:
        """Amount for *per* units, or None where the amount is no product."""
        return self._charge.rate

    @property
    def per(self) -> Decimal | None:
        """Units that the rate covers."""
        return self._charge.per

    @property
    def exact(self) -> Fraction:
        """The exact amount."""
        return Fraction(self.precise)

    @property
    def figures(self) -> tuple[object, ...]:
        """All that decides about money, and none of the words."""
        charge = self.charge
        priced = (charge.rate, charge.per, charge.round, charge.fee)
        return charge.kind, charge.meter, self.quantity, *priced, self.amount, self.exact

    def arithmetic(self) -> str:
        """The amount as a sum that a clerk can redo.

        >>> calls = Charge("usage", None, "calls", rate=Decimal("0.01"), per=Decimal(1))
        >>> LineItem(calls, Decimal(130), Decimal("1.30"), Decimal("1.30")).arithmetic()
        '130 × 0.01 = 1.30'
        """
        charge = self.charge
        if charge.rate is None and not charge.fee:
            told = (
                charge.rule if self.quantity is None else f"{charge.description} at {digits(self.quantity)}"
            )
            return f"{told} {'=' if self.precise == self.amount else '≈'} {digits(self.amount)}"
        parts = [digits(charge.fee)] if charge.fee else []
        if charge.rate or (charge.rate is not None and not charge.fee):
            parts.append(f"{self._units()} × {digits(charge.rate)}")
        equals = "=" if self._redone() == self.amount else "≈"
        return f"{' + '.join(parts) or '0'} {equals} {digits(self.amount)}"

    def _units(self) -> str:
        per, direction = self.charge.per, self.charge.round
        divided = digits(self.quantity) + (f" ÷ {digits(per)}" if per is not None and per != 1 else "")
        return divided if direction == "none" else f"({divided}, {direction.replace('_', ' ')})"

    def _redone(self) -> Exact:
        """What the arithmetic comes to."""
        charge = self.charge
        units = rounded(ratio(self.quantity or ZERO, charge.per or ONE), charge.round)
        return plus(charge.fee, product(units, charge.rate or ZERO))

    def explain(self) -> str:
        """The line as a sentence: what, the arithmetic, and the rule where the arithmetic does not say it."""
        sum_, rule = self.arithmetic(), self.charge.rule
        told = "" if not rule or rule in sum_ else f"  ({rule})"
        return f"{self.description}: {sum_}{told}"

    def cells(self) -> tuple[str, str, str, str]:
        """The line as a person reads it: description, quantity, rate, amount."""
        rate, per = self.rate, self.per
        shown = digits(rate) if rate is None or per in (None, 1) else f"{rate:f} / {per:f}"
        return self.description, digits(self.quantity), shown, digits(self.amount)

    def tier_bounds(self) -> tuple[Decimal | None, Decimal | None]:
        """Where the tier of the line begins and ends; None where there is none, or it has no end."""
        # The words are all that a stored bill has: its prices may say otherwise by now.
        said = re.search(BOUNDS, self.description.removeprefix(str(self.meter or "")), re.ASCII)
        if said is None or self.kind != "usage":
            return None, None
        low, high, above = said.groups()
        return Decimal(low or above or 0), None if high is None else Decimal(high)

    def to_row(self) -> dict[str, str | Decimal | None]:
        """The line by column, numbers as Decimals."""
        texts = {"kind": self.kind, "meter": self.meter and str(self.meter), "description": self.description}
        low, high = self.tier_bounds()
        rated = {"quantity": self.quantity, "rate": self.rate, "per": self.per}
        return {**texts, **rated, "tier_from": low, "tier_up_to": high, "amount": self.amount}


_set_charge, _set_quantity, _set_amount, _set_precise, _set_base = slot_setters(LineItem)
_Draft = draft_of(LineItem)


def line_item(
    charge: Charge,
    quantity: Decimal | None,
    amount: Decimal,
    precise: Exact,
    base: tuple[Any, Any] | None = None,
) -> LineItem:
    """The line of these, as ``LineItem`` makes it, in half the time: a bill makes a few of them at once.

    What a rule was applied to, *base*, is a numerator and what it is over, for the words of few are asked.
    """
    line: Any = _Draft()
    line._charge = charge
    line.quantity = quantity
    line.amount = amount
    line.precise = precise
    line._base = base
    line.__class__ = LineItem
    return line  # type: ignore[no-any-return]  # of its class by now


def telescoped(lines: Sequence[LineItem]) -> list[LineItem]:
    """The lines with amounts that are differences of the running sum, shown as a Decimal.

    So the Decimals add up to the shown sum, though not every line terminates.
    """
    running: Exact = ZERO
    shown = ZERO
    told: list[LineItem] = []
    for line in lines:
        running = plus(running, line.precise)
        amount = decimal(difference(decimal(running), shown))
        told.append(line if amount == line.amount else evolve(line, amount=amount))
        shown = decimal(running)
    return told


def less(lines: Iterable[LineItem], earlier: Iterable[LineItem]) -> list[LineItem]:
    """The lines less those of an earlier bill of the same period; what did not change is left out."""
    before, after = dict(_keyed(earlier)), list(_keyed(lines))
    matched = {key: before.pop(key) for key, _ in after if key in before}
    for key, line in after:
        # a fee that was billed whole and now is owed for a part: a line for what falls away
        same = (other for other in before if line.kind == "fee" == other[0] and other[2] == key[2])
        if key not in matched and (other := next(same, None)) is not None:
            matched[key] = before.pop(other)
    # in the order of the later bill, and what fell away after it; both sorted by stage below
    found = [_change(line, matched.get(key)) for key, line in after]
    # A kept account knows in which order grants were drawn on, one that was stored does not: so by name.
    fell = sorted(before.values(), key=lambda line: line.description if line.kind == "credit" else "")
    gone = [_change(LineItem(line.charge, line.quantity and ZERO, ZERO, ZERO), line) for line in fell]
    return sorted((line for line in (*found, *gone) if line is not None), key=lambda line: RANKS[line.kind])


def _keyed(lines: Iterable[LineItem]) -> Iterator[tuple[tuple[object, ...], LineItem]]:
    """Lines by what they are about; of two that read alike, the first and the second."""
    seen = Counter[tuple[object, ...]]()
    for line in lines:
        # two fees of one name are told apart by their amounts, for one may come with the last bill only
        owed = (line.rate, line.quantity) if line.kind == "fee" else None
        key = (line.kind, line.meter, line.description, owed)
        seen[key] += 1
        yield (*key, seen[key]), line


def _change(line: LineItem, before: LineItem | None) -> LineItem | None:
    """One line less what it was, or None where nothing changed."""
    if before is None:
        return line
    # to the last digit: a line that moved by less than a cent moved all the same
    exact = difference(line.precise, before.precise)
    if not exact and line.quantity == before.quantity:
        return None
    quantity = None if line.quantity is None else decimal(difference(line.quantity, before.quantity or ZERO))
    return LineItem(_changed(line, before), quantity, decimal(exact), exact)


def _changed(line: LineItem, before: LineItem) -> Charge:
    """How the change comes about: at the rate, but for fees, packages and rules, which are differences."""
    # The difference of two quantities at one rate is a line like any other; that of packages or tiers is
    # not, for the last package may have been paid for before.
    is_one_rate = line.rate is not None and (line.rate, line.per) == (before.rate, before.per)
    if is_one_rate and line.charge.round == "none" and not line.charge.fee:
        return line.charge
    rule = f"({line.arithmetic()}) less ({before.arithmetic()})"
    return evolve(line.charge, rate=None, per=None, fee=ZERO, rule=rule)
