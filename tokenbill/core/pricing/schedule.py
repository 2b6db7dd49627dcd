"""Schedules: one price for each meter, the most specific labels first; and books of them by date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, cast

from attrs import field, frozen

from tokenbill.core.base.hashing import content_hash
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.base.tables import html_table, text_table
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import Number
from tokenbill.core.pricing.breakdown import rule_of
from tokenbill.core.pricing.price import Each, Price
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.errors import CurrencyMismatch, InvalidSchedule, UnpricedUsage

if TYPE_CHECKING:
    from tokenbill.core.pricing.lint import Finding
    from tokenbill.core.pricing.source import Named, Source

__all__ = ["Entry", "PriceSchedule", "Priced", "Prices", "Schedule", "priced"]

Priced: TypeAlias = "Price | Each"
"""What an entry holds: one curve, or one for each value of some labels."""

Prices: TypeAlias = "Mapping[Any, Priced | Number] | Iterable[tuple[str, Priced | Number]]"
"""What a schedule may be given as: prices by meter, or pairs of both."""


class Entry(NamedTuple):
    """One price of a schedule and the meter it stands under."""

    key: Meter
    price: Priced


class Schedule(Protocol):
    """What a plan needs of a schedule: bring your own with these two."""

    @property
    def currency(self) -> Currency | str:
        """The currency, or the virtual unit, that its prices are in."""
        ...

    def match(self, meter: Meter, /) -> Any:
        """The entry for a meter: its ``key`` and its ``price``; or UnpricedUsage."""
        ...


def priced(value: object) -> Priced:
    """A price; a bare number is one for each unit."""
    return value if isinstance(value, Price | Each) else PerUnit(cast(Number, value))


@frozen(init=False, repr=False)
class PriceSchedule(Mapping[Meter, Priced]):
    """One price for each meter; usage goes to the entry with the most labels that it has.

    Args:
        prices: A mapping from meters to prices, or pairs of both; a bare number is a price for each unit.
        currency: A code of ISO 4217, or a ``Currency``.
        name: What people call it; no rule reads it.
        source: The price list that it comes from, if it is not one of your own: tokens of a variant that
            may be dearer are then refused, unless an entry names it.
        more: Prices of meters whose names are identifiers.

    Raises:
        InvalidSchedule: If a meter is priced twice, or two entries tie for some meter.
        InvalidPrice: If a price is none, or negative.
        InvalidMeter: If a key is no meter.
        InvalidCurrency: If the currency is unknown.

    Source: docs/explanation/matching.md

    >>> prices = PriceSchedule({"gpu_hours{gpu=H100}": "2.50", "gpu_hours": "0.90"})
    >>> prices.match("gpu_hours{gpu=H100,region=eu}").key
    Meter('gpu_hours{gpu=H100}')
    """

    entries: tuple[Entry, ...]
    currency: Currency
    name: str
    source: Source | None
    _cells: dict[str, Cells] = field(eq=False)

    def __init__(
        self,
        prices: Prices = (),
        /,
        *,
        currency: Currency | str = "USD",
        name: str = "",
        source: Source | None = None,
        **more: Priced | Number,
    ) -> None:
        if source is not None:
            from tokenbill.core.pricing.source import Source  # a schedule of one's own has none

            if type(source) is not Source:
                raise InvalidSchedule("not a source of prices", source, "give a Source, or nothing")
        entries = tuple(sorted((*_entries(prices), *_entries(more)), key=lambda entry: entry.key))
        unit = as_currency(currency)
        parts = entries, unit, checked_name(name, empty=True), source, _cells(entries)
        cast(Any, self).__attrs_init__(*parts)  # pyright does not know this constructor of attrs

    def __getitem__(self, meter: str) -> Priced:
        found = self.find(Meter(meter))
        if found is None or found.key != Meter(meter):
            raise UnpricedUsage(meter, self)
        return found.price

    def __contains__(self, meter: object) -> bool:
        found = self.find(Meter(meter)) if isinstance(meter, str) else None
        return found is not None and found.key == meter

    def __iter__(self) -> Iterator[Meter]:
        return (entry.key for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        inner = ", ".join(f"{str.__repr__(key)}: {price!r}" for key, price in self.entries)
        more = "" if self.source is None else f", source={self.source!r}"
        return f"PriceSchedule({{{inner}}}, currency={str(self.currency)!r}, name={self.name!r}{more})"

    def match(self, meter: str) -> Entry:
        """The most specific entry whose labels *meter* has.

        Raises:
            UnpricedUsage: If there is none; a free meter is priced 0.
            UnpricedVariant: If the schedule has a source, and the meter a label that may make it dearer.
        """
        # usage without a price is an error, never free: money lost in silence is the costliest of bugs
        found = self.find(wanted := Meter(meter))
        if self.source is not None:
            prices = cast(Any, self)  # pyright takes a cached property for no property
            found = cast("Entry | None", self.source.checked(wanted, found, prices))
        if found is None:
            raise UnpricedUsage(meter, self)
        return found

    def find(self, meter: Meter) -> Entry | None:
        """The entry with the most labels that *meter* has, whatever the source says of it; or None."""
        # no two entries tie, so of those that match the one with the most labels contains the others
        cells = self._cells.get(meter.name, {})
        found = (by_value.get(tuple(map(meter.labels.get, labels))) for labels, by_value in cells.items())
        return max((entry for entry in found if entry), key=lambda entry: len(entry.key.labels), default=None)

    @cached_property
    def named(self) -> Named:
        """What its entries name that a source asks for, at every meter of a list of thousands."""
        from tokenbill.core.pricing.source import named_by  # a schedule of one's own has no source

        return named_by(key for key, _ in self.entries)

    def __or__(self, overrides: PriceSchedule) -> PriceSchedule:
        """This schedule with some prices negotiated: those of *overrides* win."""
        if not isinstance(overrides, PriceSchedule):
            return NotImplemented
        if overrides.currency != self.currency:
            raise CurrencyMismatch(self.currency, overrides.currency)
        # entry by entry: what was not negotiated stays as the list has it
        both = {**dict(self.entries), **dict(overrides.entries)}
        source = overrides.source if self.source is None else self.source | overrides.source
        return PriceSchedule(both, currency=self.currency, name=overrides.name or self.name, source=source)

    def __mul__(self, factor: Number) -> PriceSchedule:
        """Every price times a factor ≥ 0: a mark-up, a discount."""
        # a free entry stays free, and tiers keep their ends: only money is scaled
        scaled = {key: price * factor for key, price in self.entries}
        return PriceSchedule(scaled, currency=self.currency, name=self.name, source=self.source)

    __rmul__ = __mul__

    def marked_up(
        self, percent: Number | str, by_label: Mapping[str, Number | str] | None = None
    ) -> PriceSchedule:
        """Every price with a percentage on top, of which lines show both; the most specific one wins.

        An entry that some labels mark up otherwise becomes one for each of them, each with tiers of its own.

        Args:
            percent: The usual one: ``"20%"``, or a number.
            by_label: Others by labels, ``"provider=x"``, or by meter; of two with as many labels that of the
                model wins, then that of the provider. 0 is one, too.

        Raises:
            InvalidSchedule: If two tie, or one is on nothing that is priced.

        >>> base = PriceSchedule({"calls": "2.50"})
        >>> sold = base.marked_up("20%", {"provider=x": "15%", "model=y": 0})
        >>> [
        ...     str(sold.match(meter).price(1))
        ...     for meter in ("calls", "calls{provider=x}", "calls{model=y}")
        ... ]
        ['3.000', '2.8750', '2.50']
        """
        from tokenbill.core.pricing.markup import check_used, marked_up, markups_of  # few sell on

        markups = markups_of(percent, by_label or {})
        prices, unused = marked_up(self.entries, markups, self.find)
        check_used(markups, unused)
        return PriceSchedule(prices, currency=self.currency, name=self.name, source=self.source)

    def converted(
        self, currency: Currency | str, *, rate: Number | Fraction, source: str, on: date | str
    ) -> PriceSchedule:
        """This schedule in another currency, at a dated rate; exact, and every bill says so.

        Args:
            currency: The other currency.
            rate: What one unit of this currency is in the other, more than zero: a number, a Fraction,
                or two numbers such as ``"1/7.12"``, where a unit of the other is 7.12 of this one.
            source: Who says so.
            on: The day of the rate.

        Raises:
            InvalidSchedule: If the rate is not positive.
            InvalidPeriod: If *on* is no date.

        >>> yuan = PriceSchedule({"input_tokens": PerUnit(2, per=1_000_000)}, currency="CNY")
        >>> dollars = yuan.converted("USD", rate="0.1389", source="ECB", on="2026-11-05")
        >>> dollars["input_tokens"](8_000_000)
        Decimal('2.2224')
        """
        from tokenbill.core.pricing.conversion import converted, rate_of, source_of  # few are converted

        unit, ratio = as_currency(currency), rate_of(rate)
        dated = source_of(ratio, currencies=(self.currency, unit), who=source, on=on)
        return PriceSchedule(
            {key: converted(price, ratio) for key, price in self.entries},
            currency=unit,
            name=self.name,
            source=dated if self.source is None else self.source | dated,
        )

    def notes(self, usage: Iterable[str]) -> tuple[str, ...]:
        """What a bill of *usage* has to say of these prices, beside its lines.

        >>> from tokenbill.core.pricing.source import Source
        >>> prices = PriceSchedule({"input_tokens": 3}, source=Source())
        >>> prices.notes(["input_tokens{variant=batch}"])
        ('input_tokens{variant=batch}: no price of variant=batch, billed as input_tokens',)
        """
        if self.source is None:
            return ()
        pairs = [(meter, self.find(meter)) for meter in map(Meter, usage)]
        told = [note for meter, entry in pairs if entry for note in self.source.fallbacks(meter, entry)]
        return tuple(dict.fromkeys([*self.source.notes, *told]))

    def lint(self) -> tuple[Finding, ...]:
        """What is doubtful: cliffs, gaps, tiers that are never reached, cached tokens at the full rate.

        >>> [
        ...     finding.code
        ...     for finding in PriceSchedule(input_tokens=PerUnit(3, per=1_000_000)).lint()
        ... ]
        ['cached_at_full_rate', 'bare_entry']
        """
        from tokenbill.core.pricing.lint import lint  # a process that only bills never needs it

        return lint(self)

    def content_hash(self) -> str:
        """A hash of prices and currency, the same in every process; the name is no content."""
        # prices of another currency are other terms, whatever their numbers
        content = {"currency": self.currency, "prices": dict(self.entries)}
        # a source refuses what a schedule of one's own bills, so the two are not the same terms
        return content_hash(content if self.source is None else {**content, "source": self.source.hours})

    def __str__(self) -> str:
        table = text_table(("meter", "price"), self._rows)
        return "\n".join(filter(None, [self.name, table, f"in {self.currency}"]))

    def _repr_html_(self) -> str:
        return html_table(("meter", "price"), self._rows, caption=f"{self.name} ({self.currency})".strip())

    @property
    def _rows(self) -> list[tuple[str, str]]:
        return [(key, rule_of(price)) for key, price in self.entries]


as_currency = currency
SHAPES = 100
"""Most different sets of label names of one meter: each is compared with each."""
Cells: TypeAlias = "dict[tuple[str, ...], dict[tuple[str | None, ...], Entry]]"
"""Entries of one meter name: by the names of their labels, then by their values."""


def _entries(prices: Any) -> Iterator[Entry]:
    pairs = pairs_of(prices)
    if pairs is None:
        raise InvalidSchedule("not prices", prices, 'give meters and prices: {"gpu_hours": "0.10"}')
    return (Entry(Meter(key), priced(price)) for key, price in pairs)


def _cells(entries: Iterable[Entry]) -> dict[str, Cells]:
    """Entries where matching finds them."""
    names: dict[str, Cells] = {}
    # by the names of labels first: a look-up asks one question for each set of names, not for each entry
    for entry in entries:
        labels = entry.key.labels
        cell = names.setdefault(entry.key.name, {}).setdefault(tuple(labels), {})
        if cell.setdefault(tuple(labels.values()), entry) is not entry:
            raise InvalidSchedule(
                "a meter priced twice", entry.key, "give each meter one price, or add prices up"
            )
    for name, cells in names.items():
        if len(cells) > SHAPES:
            way_out = f"label the entries of {name} in at most {SHAPES} ways"
            raise InvalidSchedule("too many sets of labels", len(cells), way_out)
        for part in _models(cells):
            for one, other in combinations(part, 2):
                _refuse_ties(part, one, other)
    return names


def _models(cells: Cells) -> Iterator[Cells]:
    """The entries of each value of the labels that all of them have, one of those that are alike.

    Two entries tie only if they agree on such a label: of a list of thousands of models each has its own,
    and most have prices for the same few dozen sets of the other labels.
    """
    if len(cells) < 2:
        return
    first, *others = (set(labels) for labels in cells)
    common = sorted(first.intersection(*others))
    parts: dict[tuple[str | None, ...], Cells] = {}
    for labels, cell in cells.items():
        places = [labels.index(label) for label in common]
        for values, entry in cell.items():
            part = parts.setdefault(tuple([values[place] for place in places]), {})
            part.setdefault(labels, {})[values] = entry
    seen = set[object]()
    for part in parts.values():
        left = {
            (labels, tuple(value for label, value in zip(labels, values, strict=True) if label not in common))
            for labels, cell in part.items()
            for values in cell
        }
        alike = frozenset(left)
        if alike not in seen:
            seen.add(alike)
            yield part


def _refuse_ties(cells: Cells, one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Of entries that agree on common labels, neither containing the other, the union must exist."""
    # which of two entries wins must never depend on their order; where neither contains the other, ask
    common = sorted(set(one) & set(other))
    if len(common) in (len(one), len(other)):
        return
    agreeing: dict[tuple[str, ...], list[Entry]] = {}
    for entry in cells[one].values():
        agreeing.setdefault(_values(entry, common), []).append(entry)
    for entry in cells[other].values():
        for rival in agreeing.get(_values(entry, common), ()):
            both = {**rival.key.labels, **entry.key.labels}
            names = tuple(sorted(both))
            if tuple([both[label] for label in names]) not in cells.get(names, {}):
                union = Meter(entry.key.name, both)
                raise InvalidSchedule(
                    f"{rival.key} ties with", entry.key, f"add an entry {union}, which both match"
                )


def _values(entry: Entry, labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(entry.key.labels[label] for label in labels)
