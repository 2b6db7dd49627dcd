"""Mark-ups: a percentage on top of prices, by label, of which the most specific wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from attrs import field, frozen

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import EXACT, ONE, Exact, number, product
from tokenbill.core.money.validators import non_negative
from tokenbill.core.pricing.breakdown import PriceComponent, amount_at, nests, over, rule_of
from tokenbill.core.pricing.curves import NIL, Curve, curve, line
from tokenbill.core.pricing.price import MODELS, Combinator, Each, Price
from tokenbill.errors import InvalidSchedule

__all__ = ["MarkedUp", "Markup", "check_used", "marked_up", "markups_of"]

HUNDRED = Decimal(100)
MOST = 50_000
"""Most entries that mark-ups may make of a schedule."""
RANKS = {"model": 2, "provider": 1}
"""Of two mark-ups with as many labels that of the model wins, then that of the provider."""


@frozen(repr=False)
class MarkedUp(Combinator):
    """Another price with a percentage on top, both of which its lines show."""

    PAGE = f"{MODELS}#mark-up"

    price: Price = field(validator=nests)
    percent: Decimal = field(converter=number, validator=non_negative)

    @property
    def factor(self) -> Decimal:
        """What the price is multiplied by."""
        return EXACT.add(ONE, EXACT.divide(self.percent, HUNDRED))

    def amount(self, quantity: Exact) -> Exact:
        return product(amount_at(self.price, quantity), self.factor)

    def pieces(self) -> Curve | None:
        return over(self.price, curve(NIL, [None], [line(Fraction(self.factor))]))

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return tuple(component.times(self.factor) for component in self.price.breakdown(quantity))

    def in_words(self) -> str:
        base = f"({rule_of(self.price)})" if isinstance(self.price, Combinator) else rule_of(self.price)
        return f"{base}, plus {shortest(self.percent)} % mark-up"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"{amounts[0]} plus {shortest(self.percent)} %"


class Markup(NamedTuple):
    """A percentage, and what it is on: a meter's name, where it says one, and labels."""

    name: str
    labels: Mapping[str, str]
    percent: Decimal

    def covers(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether it is on a meter with this name and these labels."""
        return self.name in ("", name) and self.labels.items() <= labels.items()

    def fits(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether some meter with this name and these labels may have its labels too."""
        same = all(labels.get(label, value) == value for label, value in self.labels.items())
        return same and self.name in ("", name)

    @property
    def rank(self) -> tuple[int, bool, int]:
        """How specific it is."""
        return (
            len(self.labels),
            bool(self.name),
            max((RANKS.get(label, 0) for label in self.labels), default=0),
        )


def markups_of(usual: Any, by_label: Any) -> list[Markup]:
    """The usual mark-up, and those by label or by meter.

    Raises:
        InvalidSchedule: For something else than mark-ups.
    """
    pairs = pairs_of(by_label)
    if pairs is None:
        way_out = 'give percentages by label: {"provider=x": "15%", "model=y": 0}'
        raise InvalidSchedule("not mark-ups", by_label, way_out)
    found = [Markup("", {}, _percent(usual))]
    for on, percent in pairs:
        by_name = not isinstance(on, str) or "{" in on or "=" not in on
        meter = Meter(on) if by_name else Meter(f"m{{{on}}}")
        found.append(Markup(meter.name if by_name else "", dict(meter.labels), _percent(percent)))
    return found


def _percent(value: Any) -> Decimal:
    text = value.strip().removesuffix("%").rstrip() if isinstance(value, str) else value
    percent = number(text)
    if percent < 0:
        raise InvalidSchedule("a mark-up below zero", value, "scale the schedule: prices * '0.9'")
    return percent


def marked_up(
    entries: Iterable[tuple[Meter, Any]], markups: Sequence[Markup], find: Any
) -> tuple[dict[Meter, Any], set[int]]:
    """The entries of a schedule with their mark-ups, and the mark-ups that are on none of them, by place.

    An entry that some labels mark up otherwise is several.

    Raises:
        InvalidSchedule: If two mark-ups tie, or there are too many.
    """
    found, unused = dict[Meter, Any](), set(range(1, len(markups)))
    for key, _ in entries:
        for labels in _label_sets(key, markups):
            meter = Meter(key.name, labels)
            if meter in found:
                continue
            unused -= {i for i in unused if markups[i].covers(key.name, labels)}
            found[meter] = _with_markup(find(meter).price, _winner(meter, labels, markups))
            if len(found) > MOST:
                raise InvalidSchedule(
                    "too many prices by mark-up", len(found), f"mark up at most {MOST} in all"
                )
    return found, unused


def check_used(markups: Sequence[Markup], unused: Iterable[int]) -> None:
    """Refuse a mark-up that is on nothing: a slip of the pen would sell at the usual one, in silence."""
    for i in sorted(unused)[:1]:
        on = Meter(markups[i].name or "any", markups[i].labels)
        raise InvalidSchedule("a mark-up on nothing that is priced", on, "leave it out, or price it")


def _label_sets(key: Meter, markups: Sequence[Markup]) -> list[dict[str, str]]:
    """The labels of an entry, alone and with those of mark-ups that are on a part of what it prices."""
    found = {tuple(key.labels.items()): dict(key.labels)}
    for markup in markups:
        for labels in list(found.values()):
            if markup.fits(key.name, labels):
                both = {**labels, **markup.labels}
                found.setdefault(tuple(sorted(both.items())), both)
                if len(found) > MOST:
                    raise InvalidSchedule("too many prices by mark-up", len(found), f"mark up at most {MOST}")
    return list(found.values())


def _winner(meter: Meter, labels: Mapping[str, str], markups: Sequence[Markup]) -> Decimal:
    """The percentage of the most specific mark-up that is on a meter."""
    on = [markup for markup in markups if markup.covers(meter.name, labels)]
    best = max(on, key=lambda markup: markup.rank)
    rivals = [it for it in on if it.rank == best.rank and it.percent != best.percent]
    if rivals:
        way_out = "say what holds where both labels meet"
        what = f"{best.percent} % ties with {rivals[0].percent} % of mark-up on"
        raise InvalidSchedule(what, meter, way_out)
    return best.percent


def _with_markup(price: Any, percent: Decimal) -> Any:
    if not percent:
        return price  # the base is the price, and no mark-up is to be shown
    if isinstance(price, Each):
        return Each(MarkedUp(price.price, percent), price.labels)
    return MarkedUp(price, percent)
