"""Charge runs: rating with one number for each charge, where lines or credit look at single charges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from itertools import zip_longest
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from tokenbill.core.base.values import named
from tokenbill.core.credits.draws import (
    NO_DRAWS,
    OWED,
    ByCharge,
    Offer,
    Payable,
    Units,
    draws,
    draws_with_owed,
)
from tokenbill.core.metering.usage import Usage
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.pricing_stages import FeeCharge
from tokenbill.core.rating.rating_run import Identity, Note, Number, RatingRun, allocated, running_units
from tokenbill.core.rating.readings import Readings, readings_of
from tokenbill.core.rating.version_items import EntryItem
from tokenbill.errors import CurrencyMismatch

__all__ = [
    "NOTHING_DRAWN",
    "NOTHING_EARLIER",
    "ChargeRun",
    "Earlier",
    "Offers",
    "RatingRequest",
    "Sort",
    "Sorts",
    "promotional_note",
    "is_in_tokens",
]

Sort: TypeAlias = 'Literal["tokens", "promotional", "paid"]'
"""The sorts of credit, in the order in which they pay."""

Sorts: TypeAlias = "Mapping[Sort, ByCharge]"
"""What was drawn, in minor units: by sort of credit, grant and charge."""

Offers: TypeAlias = "Callable[[Sort], Sequence[Offer]]"
"""The grants of a sort that can pay, in order, each with how much."""

Earlier: TypeAlias = "Mapping[Sort, Mapping[str, Units]]"
"""What charges came to at the bill before: by the sort of credit that pays it, and by charge."""

NOTHING_DRAWN: Sorts = MappingProxyType({})
NOTHING_EARLIER: Earlier = MappingProxyType({})
_order = attrgetter("order")


def promotional_note(id: str, units: Number) -> Note:
    """What a promotional grant paid, in minor units, as a note for the lines."""
    return Note(Charge("credit", None, f"credit {id}", rule="promotional credit"), -units, None)


def is_in_tokens(identity: Identity) -> bool:
    """Whether a charge is burned in tokens, where a plan prices in them."""
    return identity.kind == "usage" or (isinstance(identity.of, FeeCharge) and identity.of.in_tokens)


class RatingRequest(NamedTuple):
    """What a period is rated with.

    Where terms change, *usages* are the usage of each version. Without *offers* the *draws* of its earlier
    bills stand as they are; with them, they are worked out anew, *earlier* being what those bills charged.
    Asked for the *exact* amount, nothing is rounded, and credit pays to the last digit. What was *owed*
    before is covered first; *met* is what earlier periods came to of commitments.
    """

    plan: CompiledPlan
    usage: Usage
    final: bool = True
    offers: Offers | None = None
    earlier: Earlier = NOTHING_EARLIER
    draws: Sorts = NOTHING_DRAWN
    exact: bool = False
    owed: Units = 0
    usages: Sequence[Usage] = ()
    met: tuple[CommitmentMet, ...] = ()


class ChargeRun(RatingRun):
    """A run with one number for each charge, which knows what each is for and what credit pays of it.

    ``identities`` say what each charge is for. ``tokens`` is what was burned of it, ``units`` what it comes
    to, both in minor units; ``priced`` is the latter to the last digit, with ``over`` for one minor unit.
    ``promotional`` is what such credit paid of it, ``taxed`` each tax with what it is on, by charge, and
    ``contained`` those that prices contain.
    ``sold`` are the tokens that no credit covers and what they cost, over the last of the three.
    """

    __slots__ = (
        "_units",
        "cash",
        "committed",
        "contained",
        "draws",
        "identities",
        "items",
        "over",
        "plan",
        "priced",
        "promotional",
        "quantities",
        "readings",
        "request",
        "sold",
        "taxed",
        "terms",
        "tokens",
    )

    keeps_parts = True
    cells: list[int]

    def __init__(self, request: RatingRequest) -> None:
        plan = self.plan = request.plan.unrounded if request.exact else request.plan
        # a meter met for the first time may bring a new cell, which the terms have to know
        self.quantities: Mapping[EntryCurve, Quantity] = {}
        self.readings: Readings | None = None
        if plan.reads_usage:
            self.readings = readings_of(plan, request.usages if len(plan.versions) > 1 else [request.usage])
            self.items, self.quantities = self.readings.items(), self.readings.quantities
        elif len(plan.versions) == 1:
            self.quantities = plan.card.quantities(request.usage)
        else:
            self.items = plan.items(request.usages)
        self.terms, self.request = plan.terms(), request
        # n ÷ d unrounded is Fraction(n, d), so the stages need not know that nothing is to be rounded
        rounding = Fraction if request.exact else plan.round
        super().__init__([], [], round=rounding, whole_lines=plan.whole_lines, final=request.final)
        self.notes: list[Note] = []  # pyright: ignore[reportIncompatibleVariableOverride] never None here
        self.identities: list[Identity] = []
        self.draws: dict[Sort, ByCharge] = {}
        self.tokens: Sequence[Number] = ()
        self.promotional: Sequence[Number] = ()
        self._units: list[Number] | None = None
        self.sold: tuple[Sequence[Number], Sequence[Number], Number] = ((), (), 1)
        self.taxed: list[tuple[Number, Sequence[Number]]] = []
        self.contained: list[tuple[Number, Sequence[Number]]] = []
        self.cash: Number = 0
        self.committed: dict[str, Number] = {}

    def usage(self) -> Iterable[tuple[Number, int, Identity]]:
        if len(self.plan.versions) > 1 or self.readings is not None:
            return self.items
        used = self.quantities
        return [(curve.at(used[curve]), curve.cell, curve.identity) for curve in sorted(used, key=_order)]

    def add(self, number: Number, cell: int, identity: Identity) -> None:
        # written out, for a run of charges takes each of them here
        self.nets.append(number)
        self.cells.append(cell)
        self.identities.append(identity)

    def keys(self, places: Sequence[int]) -> Sequence[object]:
        return [self.identities[i].key for i in places]

    def units_used(self) -> Sequence[Number]:
        return [self.quantity_of(identity) for identity in self.identities]

    def quantity_of(self, identity: Identity) -> Fraction:
        """The units that were used of a charge; 0 where it is of no meter."""
        of = identity.of
        if isinstance(of, EntryItem):
            return Fraction(of.quantity)
        return Fraction(self.quantities[of]) if isinstance(of, EntryCurve) else Fraction(0)

    def read(self, reading: Any) -> Sequence[Number]:
        assert self.readings is not None  # a plan that reads nothing has no such term
        found: Sequence[Number] = reading.numbers(self.readings.amounts(reading))
        return found

    def burned(self) -> Sequence[int]:
        return [i for i, identity in enumerate(self.identities) if is_in_tokens(identity)]

    def pay_tokens(self, tokens: list[Number]) -> list[Number]:
        burned = self.burned()
        # credit pays tokens in the order of lines, and fees in money stand between them
        own = dict(zip(burned, tokens, strict=True))
        self.tokens = [own.get(i, 0) for i in range(len(self.nets))]
        paid = self.pay("tokens", self.tokens)
        # a replay to the last digit may hold less than the whole tokens that were drawn
        return [max(own[i] - paid[i], 0) for i in burned]

    def sell(self, stretches: Sequence[Any], moneys: Sequence[Number], stage: Any) -> None:
        super().sell(stretches, moneys, stage)
        rests: list[Number] = [0] * len(self.nets)
        for stretch in stretches:
            for i, rest in zip(stretch.places, stretch.rests, strict=True):
                rests[i] = rest
        self.sold = rests, list(self.nets), stage.money_scale * self.widened

    def pay_promotional(self, divisor: Number) -> None:
        # kept before credit: what charges come to is a fact, what pays them may change with every bill
        self.priced, self.over = self.nets, divisor
        if self.request.offers is None and not self.request.draws and not self.request.exact:
            return
        self.promotional = self.pay("promotional", self.units)
        if not (self.draws["promotional"] or self.request.exact):
            return  # the rounded net is the sum of its units already
        left = [unit - part for unit, part in zip(self.units, self.promotional, strict=True)]
        nets = [net - part * divisor for net, part in zip(self.nets, self.promotional, strict=True)]
        if self.request.exact:
            left, nets = [max(part, 0) for part in left], [max(net, 0) for net in nets]
        self.total, self.nets = sum(left), nets
        for id, parts in self.draws.get("promotional", NO_DRAWS).items():
            self.notes.append(promotional_note(id, sum(parts.values())))

    @property
    def units(self) -> list[Number]:
        """What each charge comes to in whole minor units, which add up to the rounded net."""
        if self._units is None:
            self._units = running_units(self.priced, lambda upto: self.round(upto, self.over))
        return self._units

    def tax(self, amount: Number, parts: Sequence[Number]) -> None:
        super().tax(amount, parts)
        self.taxed.append((amount, parts))

    def met(self, name: str, start: date) -> Number:
        kept = (it for it in self.request.met if it.is_of(name, start))
        met, unit = next(kept, None), self.plan.plan.currency
        if met is not None and met.currency not in (None, unit.code):
            # what was met in dollars is no part of what is committed in euros
            raise CurrencyMismatch(met.currency, unit)
        return Fraction(0 if met is None else met.amount)

    def commit(self, name: str, own: Number, over: Number) -> None:
        self.committed[name] = self.round(own * 10**self.plan.places, over)

    def settle_cash(self, cash: Number) -> None:
        super().settle_cash(cash)
        self.cash = cash

    def contain(self, amount: Number, parts: Sequence[Number]) -> None:
        self.contained.append((amount, parts))

    def drawn(self, sort: Sort, amounts: Sequence[Number]) -> ByCharge:
        """What the grants of a sort pay of charges that come to these amounts."""
        request = self.request
        drawn = request.draws.get(sort, NO_DRAWS)
        offers = () if request.offers is None else request.offers(sort)
        if offers or (drawn and request.offers is not None):
            earlier = request.earlier.get(sort, {})
            # the items of a charge are paid as one: an amendment moves nothing between grants
            payables: dict[str, Payable] = {}
            for identity, amount in zip(self.identities, amounts, strict=False):
                # what a scope knows a charge by is that of its first item: items of one charge agree in it
                key, _, meter, _ = identity
                known = payables.get(key)
                whole = amount if known is None else known.amount + amount
                parts = key, identity.known_as, meter, whole, earlier.get(key, 0)
                payables[key] = named(Payable, parts)
            charges = list(payables.values())
            if sort == "paid" and (request.owed or any(OWED in parts for parts in drawn.values())):
                return draws_with_owed(charges, offers, drawn, request.owed)
            drawn = draws(charges, offers, drawn)
        return drawn

    def pay(self, sort: Sort, amounts: Sequence[Number]) -> list[Number]:
        """What credit pays of each charge; *amounts* are what charges come to."""
        drawn = self.draws[sort] = self.drawn(sort, amounts)
        if not drawn:
            return [0] * len(amounts)
        keys = [identity.key for identity in self.identities[: len(amounts)]]
        left = {key: sum(parts.get(key, 0) for parts in drawn.values()) for key in keys}
        if len(left) == len(keys):
            return list(left.values())
        last = {key: i for i, key in enumerate(keys)}
        paid: list[Number] = []
        for i, (key, amount) in enumerate(zip(keys, amounts, strict=True)):
            paid.append(left[key] if last[key] == i else min(left[key], amount))
            left[key] -= paid[-1]
        return paid

    def gross(self) -> list[Units]:
        """What is to be paid of each charge, tax included, in minor units."""
        units = self.units
        if self.promotional:
            units = [unit - part for unit, part in zip_longest(units, self.promotional, fillvalue=0)]
        gross = [unit if unit > 0 else 0 for unit in units]
        # Paid credit pays tax as well: each charge bears its part of a tax that was rounded once for all.
        for amount, parts in self.taxed:
            weights = [max(part, 0) for part in parts]
            if self.request.exact:
                whole = sum(weights)
                shares = [amount * part / whole if whole else 0 for part in weights]
            else:
                shares = allocated(amount, weights) if amount else [0] * len(weights)
            gross = [one + other for one, other in zip(gross, shares, strict=True)]
        # what coins add is due with the last charge that is due; what they take off, the last ones lose
        cash = self.cash
        for i in reversed(range(len(gross) if cash else 0)):
            if cash and gross[i]:
                gross[i], cash = max(gross[i] + cash, 0), min(gross[i] + cash, 0)
        return gross

    def amounts(self) -> Earlier:
        """What the charges come to, by the sort of credit that pays it."""
        keys = [identity.key for identity in self.identities]
        by_sort = {"tokens": self.tokens, "promotional": self.units, "paid": self.gross()}
        found: dict[Sort, dict[str, Units]] = {}
        are_one_each = len(set(keys)) == len(keys)
        for sort, amounts in by_sort.items():
            by_key: dict[str, Units] = dict(zip(keys, amounts, strict=False)) if are_one_each else {}
            if not are_one_each:  # items of one charge add up
                for key, amount in zip(keys, amounts, strict=False):
                    by_key[key] = by_key.get(key, 0) + amount
            found[sort] = by_key  # type: ignore[index]
        return found
