"""Rate cards: the entries of a plan by meter, as curves over one denominator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import lcm
from threading import Lock
from typing import Any

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import FEE, Scope, covers
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, ZERO, Exact
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.price import After, Each, Price
from tokenbill.core.pricing.schedule import Entry, priced
from tokenbill.core.rating.entry_curve import EntryCurve, Group, Quantity
from tokenbill.core.rating.integer_price import denominator_of
from tokenbill.core.rating.rating_run import Identity
from tokenbill.core.rating.version_terms import VersionTerms
from tokenbill.errors import InvalidSchedule

__all__ = ["Cells", "RateCard"]

METERS = 65_536
"""Meters that a card remembers; then it begins anew, for labels may be hostile."""
WIDEST = 10**300
"""Largest denominator; an entry that would need more is asked for its amount."""


class Cells:
    """Charges that every term treats alike add up in one cell: their version, and the scopes that hold them.

    ``masks`` has the version and a bit for each scope, by cell. A cell keeps its number; new ones come at
    the end.
    """

    __slots__ = ("_lock", "_numbers", "masks", "scopes")

    def __init__(self, versions: Sequence[VersionTerms]) -> None:
        plans = [version.plan for version in versions]
        scopes = [item.on for plan in plans for item in plan.discounts]
        scopes += [tax.on for plan in plans for tax in plan.taxes]
        scopes += [limit.on for plan in plans for limit in (*plan.maxima, *plan.minima)]
        scopes += [commitment.on for plan in plans for commitment in plan.commitment]
        self.scopes: tuple[Scope, ...] = tuple(dict.fromkeys(scope for scope in scopes if scope is not None))
        self.masks: tuple[tuple[int, int], ...] = ()
        self._numbers: dict[tuple[int, int], int] = {}
        self._lock = Lock()
        for i, (plan, version) in enumerate(zip(plans, versions, strict=True)):
            for fee in (*version.fees, *(own for own, _ in version.own_fees)):
                self.of(FEE + fee.name, version=i)
            for limit in plan.minima:
                self.of(limit.on or "minimum", version=i)
            if plan.token_price is not None:
                self.of("usage", version=i)

    def of(self, kind: str | tuple[str, ...], meter: Meter | None = None, *, version: int = 0) -> int:
        """The cell of a charge."""
        mask = version, sum(covers(scope, kind, meter) << i for i, scope in enumerate(self.scopes))
        known = self._numbers.get(mask)
        if known is None:
            with self._lock:  # two threads must not give two masks one number
                known = self._numbers.setdefault(mask, len(self.masks))
                self.masks = tuple(self._numbers)
        return known

    def within(self, scopes: Mapping[int, Scope]) -> tuple[bool, ...]:
        """Whether a term, with the scope that it has in each version that has it, holds each cell."""
        bits = {i: None if on is None else self.scopes.index(on) for i, on in scopes.items()}
        return tuple(
            version in bits and ((bit := bits[version]) is None or bool(mask >> bit & 1))
            for version, mask in self.masks
        )


class RateCard(dict[str, EntryCurve]):
    """Entry curves by meter for one plan; a meter met for the first time is matched.

    ``always`` are the curves of entries that cost something though nothing is used. ``is_full`` says that
    hostile labels filled it: a bill ends with it, the next one takes a new one.

    Args:
        plan: The terms.
        allowance: The free units of an entry.
        version: The place of the terms among the versions of the period.
        unit: What a quantity is multiplied by to be whole.
        scale: A denominator that the card's is to be a multiple of; None for Fractions, by ``amount`` alone.
        cells: Where charges add up.
    """

    __slots__ = (
        "_groups",
        "_known",
        "allowance",
        "always",
        "cells",
        "curves",
        "idle",
        "is_full",
        "plan",
        "scale",
        "unit",
        "version",
    )

    def __init__(
        self,
        plan: BillingPlan,
        allowance: Callable[[Meter], Exact],
        *,
        version: int,
        unit: int,
        scale: int | None,
        cells: Cells,
    ) -> None:
        self.plan, self.allowance, self.version = plan, allowance, version
        self.unit, self.cells, self.is_full = unit, cells, False
        walked = [Entry(entry.key, self._allowed(entry)) for entry in _walked(plan.prices)]
        prices = {key: price.price if isinstance(price, Each) else price for key, price in walked}
        self.curves = {key: price.pieces() for key, price in prices.items()}
        self.scale = scale or 1
        for key, curve in self.curves.items() if scale else ():
            if curve is not None:
                wider = lcm(self.scale, denominator_of(curve, unit))
                if wider > WIDEST:
                    self.curves[key] = None
                else:
                    self.scale = wider
        if scale is None:
            self.curves = dict.fromkeys(self.curves)
        self.idle: dict[str, Meter] = {}
        self._known: dict[Meter, EntryCurve] = {}
        self._groups: dict[tuple[Meter, Group], EntryCurve] = {}
        self.always = tuple(self._stand(walked))

    def _stand(self, walked: Iterable[Entry]) -> Iterable[EntryCurve]:
        for entry in walked:
            if isinstance(entry.price, Price) and amount_at(entry.price, ZERO):
                curve = self._curve_of(entry, ())
                curve.standing = curve.at(0)
                yield curve

    def __missing__(self, text: str) -> EntryCurve:
        meter = Meter(text)
        found = self.plan.prices.match(meter)
        try:
            entry = Entry(Meter(found.key), priced(found.price))
        except AttributeError:
            raise InvalidSchedule("match() gave no entry", found, "let it return Entry(key, price)") from None
        entry = Entry(entry.key, self._allowed(entry))
        labels = entry.price.labels if isinstance(entry.price, Each) else ()
        group = tuple(map(meter.labels.get, labels))
        curve = self._groups.get((entry.key, group)) or self._curve_of(entry, group)
        if curve.key != meter:
            self.idle[text] = curve.key
        # the bill at hand goes on with this card: its groups must not change under it
        self.is_full = self.is_full or len(self) >= METERS
        return self.setdefault(text, curve)

    def _allowed(self, entry: Entry) -> Price | Each:
        """The price of an entry beyond what the plan includes."""
        free = self.allowance(entry.key)
        if not free:
            return entry.price
        if isinstance(entry.price, Each):
            return Each(After(entry.price.price, free), entry.price.labels)
        return After(entry.price, free)

    def _curve_of(self, entry: Entry, group: Group) -> EntryCurve:
        """The curve of an entry or one of its groups: the first one made, whichever thread made it."""
        price, key = entry.price, entry.key
        if isinstance(price, Each):
            values = zip(price.labels, group, strict=True)
            told_apart = {label: value for label, value in values if value is not None}
            key, price = Meter(key.name, {**key.labels, **told_apart}), price.price
        cell = self.cells.of("usage", key, version=self.version)
        curve = EntryCurve(key, price, cell, scale=self.scale, unit=self.unit)
        curve.order = "\0".join((str(entry.key), *(place or "" for place in group)))
        name = f"{entry.key} > {key}" if group else str(key)
        curve.identity = Identity.named("usage", name, curve, key)
        known = self._known.get(entry.key) if group else None
        if known is not None:
            curve.take(known)
        elif pieces := self._pieces(entry.key, price):
            curve.prepare(pieces)
        self._known[entry.key] = curve
        return self._groups.setdefault((entry.key, group), curve)

    def _pieces(self, key: Meter, price: Price) -> Any:
        """The pieces that the denominator makes whole; an entry that no schedule lists may need another."""
        if key in self.curves:
            return self.curves[key]
        pieces = price.pieces() if self.scale > 1 else None
        return None if pieces is None or self.scale % denominator_of(pieces, self.unit) else pieces

    def quantities(self, usage: Usage) -> dict[EntryCurve, Quantity]:
        """What was used under each entry and group, those included that cost something for nothing."""
        found: dict[EntryCurve, Quantity] = dict.fromkeys(self.always, 0) if self.always else {}
        counted = usage.counted
        for meter in counted:  # its ``items`` would be made for each usage, which takes longer
            curve, quantity = self[meter], counted[meter]
            if curve in found:
                before = found[curve]
                both_whole = type(before) is int and type(quantity) is int
                found[curve] = before + quantity if both_whole else EXACT.add(before, quantity)
            else:
                found[curve] = quantity
        return found


def _walked(prices: Any) -> list[Entry]:
    """The entries of a schedule that lists them; others are billed as usage reaches them."""
    pairs = pairs_of(prices) if hasattr(prices, "__iter__") else []
    if pairs is None:
        raise InvalidSchedule("entries that are no pairs", prices, "let it iterate over Entry(key, price)")
    return [Entry(Meter(key), priced(price)) for key, price in pairs]
