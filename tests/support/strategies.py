"""What the laws quantify over: numbers, meters, usages, prices, schedules, roundings and plans.

To have a new price class under every law, add it to `leaves` (or to `bent`, if it takes another price).
"""

from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from attrs import field, frozen
from hypothesis import strategies as st

from tokenbill import (
    Account,
    BillingPlan,
    Currency,
    Flat,
    Graduated,
    Meter,
    Package,
    PerUnit,
    Price,
    PriceSchedule,
    Rounding,
    Tier,
    Usage,
    Volume,
)
from tokenbill.core.money.decimals import number, shifted
from tokenbill.core.pricing.price import Each
from tokenbill.testing import quantities_near

DIRECTIONS = ["none", "up", "down", "half_up"]


@frozen
class Saturating(Price):
    """A user's price: a fraction that seldom terminates, and no pieces."""

    most: int
    half: int

    def amount(self, quantity):
        return Fraction(self.most * quantity) / Fraction(quantity + self.half)


@frozen
class Started(Price):
    """A user's price of whole numbers: an int for every started thousand, and one at zero if it says so."""

    fee: int
    at_zero: bool = False

    def amount(self, quantity):
        return self.fee * (-(int(-quantity) // 1000) + (quantity == 0 and self.at_zero))


@frozen
class Squared(Price):
    """A user's price that grows faster than any of ours, written with Decimals where it gets one."""

    rate: Decimal = field(converter=number)

    def amount(self, quantity):
        squared = Fraction(quantity) * Fraction(quantity)
        return squared * Fraction(self.rate)


# ---------------------------------------------------------------- numbers

everyday = st.sampled_from(
    ["0.01", "0.10", "0.1", "0.335", "0.005", "1", "1.00", "2.50", "3", "7", "10", "20", "0.25"]
)
long_decimals = st.builds(shifted, st.integers(0, 10**32), st.just(30))
big = st.integers(10**20, 10**29)
MOST = 10**26
"""Usage of one meter stays below it, so that many parts of a period add up to a quantity within bounds."""


def one(strategy):
    """A strategy that counts as one among others, where `one_of` would count each of its branches.

    It also keeps short what Hypothesis says of strategies that nest.
    """

    @st.composite
    def drawn(draw):
        return draw(strategy)

    return drawn()


def decimals(top=10**9, places=6):
    return st.builds(shifted, st.integers(0, top), st.integers(0, places))


def spelled(number):
    """The same number as a Decimal, as text, with more zeros, or as an int."""
    exact = Decimal(number)
    ways = [
        exact,
        f"{exact:f}",
        Decimal(f"{exact:f}.00" if exact == int(exact) and "." not in f"{exact:f}" else f"{exact:f}"),
    ]
    return st.sampled_from([*ways, int(exact)] if exact == int(exact) else ways)


common = everyday.map(Decimal) | decimals()
rates = st.one_of(common, common, common, st.just(Decimal(0)), long_decimals, big.map(Decimal))
sizes = st.one_of(common, common, long_decimals).filter(bool)
pers = st.one_of(st.just(1), st.just(1), st.sampled_from([3, 7, 3600, 1_000_000]), sizes)
factors = st.sampled_from(["0", "0.5", "0.9", "1", "1.2", "1.05", "0.333333333333333333333333333333"]).map(
    Decimal
)
quantities = st.one_of(st.integers(0, 3000).map(Decimal), common, long_decimals, big.map(Decimal))
whole_numbers = st.integers(1, 1000)

# ---------------------------------------------------------------- prices


@st.composite
def tiers(draw):
    direction = draw(st.sampled_from(["none", "none", "none", *DIRECTIONS]))
    ends = sorted(set(draw(st.lists(sizes, min_size=draw(st.integers(0, 3)), max_size=3))))
    return [
        Tier(
            end,
            draw(rates),
            draw(st.just(0) | rates),
            draw(st.none() | st.none() | one(pers)),
            draw(st.sampled_from(["none", direction])),
        )
        for end in [*ends, None]
    ]


per_unit = st.builds(PerUnit, rates, pers)
leaves = st.one_of(
    per_unit,
    st.builds(Flat, rates, at_zero=st.booleans()),
    st.builds(Package, sizes, rates, st.sampled_from(DIRECTIONS[1:])),
    st.builds(Graduated, tiers(), pers, st.booleans()),
    st.builds(Volume, tiers(), pers, st.booleans()),
)
own = st.one_of(
    st.builds(Saturating, whole_numbers, whole_numbers),
    st.builds(Started, whole_numbers, st.booleans()),
    st.builds(Squared, common),
)


def bent(inner):
    return st.one_of(
        st.builds(Price.__add__, inner, inner),
        st.builds(Price.__mul__, inner, factors),
        st.builds(Price.after, inner, quantities),
        st.builds(Price.capped, inner, rates),
        st.builds(Price.at_least, inner, rates),
        st.builds(Price.in_units, inner, sizes, st.just(1) | sizes, st.sampled_from(DIRECTIONS)),
        st.builds(Price.then, inner, inner),
    )


rounded_volumes = st.builds(
    Price.in_units, st.builds(Volume, tiers()), sizes, round=st.sampled_from(["down", "half_up"])
)
"""Prices that may fall at an end that belongs to what comes after it."""


def nested_in(base):
    """Prices bare, within a combinator or two, and nested in any way."""
    once = bent(one(base))
    return one(
        st.one_of(one(base), one(once), one(bent(one(once))), st.recursive(one(base), bent, max_leaves=5))
    )


listed_prices = nested_in(leaves)
"""Prices that list their pieces: all of ours."""
prices = nested_in(st.one_of(one(leaves), one(leaves), one(own)))
"""Every price, users' own among them."""


@st.composite
def prices_and_quantities(draw, of=prices, count=2):
    """A price and quantities, often at its bounds or beside them."""
    price = draw(of)
    near = quantities_near(price)
    return price, *(draw(near) for _ in range(count))


# ---------------------------------------------------------------- meters and usage

names = st.sampled_from(["a", "b", "gpu_hours", "input_tokens"])
labels = st.dictionaries(
    st.sampled_from(["x", "y", "z"]), st.sampled_from(["1", "2", "H100 SXM"]), max_size=3
)
meters = st.builds(Meter, names, labels)
crowded_meters = st.builds(
    Meter, st.just("a"), st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
)
"""Meters of which many agree on some labels."""
usages = st.dictionaries(meters, quantities, max_size=5).map(Usage)


@st.composite
def usages_of(draw, schedule):
    """Usage that a schedule prices, near the bounds of its prices, with more labels than entries have."""
    pairs = []
    least = draw(st.integers(0, 4))
    for entry in draw(st.lists(st.sampled_from(schedule.entries), min_size=least, max_size=4)):
        price = entry.price.price if isinstance(entry.price, Each) else entry.price
        meter = Meter(entry.key.name, {**draw(labels), **entry.key.labels})
        pairs.append((meter, draw(quantities_near(price).filter(lambda quantity: quantity < MOST))))
    return Usage(pairs)


# ---------------------------------------------------------------- schedules


def closed(keys):
    """Meters, and the unions without which two of them would tie."""
    found = set(keys)
    while missing := {
        union for one, other in combinations(found, 2) if (union := tie(one, other)) and union not in found
    }:
        found |= missing
    return sorted(found)


def tie(one, other):
    """The union of two meters that agree, neither containing the other; else None."""
    common = one.labels.keys() & other.labels.keys()
    if one.name != other.name or any(one.labels[label] != other.labels[label] for label in common):
        return None
    union = Meter(one.name, {**one.labels, **other.labels})
    return None if union in (one, other) else union


@st.composite
def entries(draw, of=prices):
    """An entry's price: one curve, or one for each value of some labels."""
    price = draw(of)
    each = draw(st.one_of(st.just(()), st.just(()), st.sampled_from([("x",), ("x", "y")])))
    return price.each(*each) if each else price


currencies = st.sampled_from(["USD", "JPY", "BHD", Currency("TOKEN", places=0)])


@st.composite
def schedules(draw, of=prices):
    keys = closed(draw(st.lists(meters, min_size=1, max_size=3)))
    pairs = {key: draw(entries(of)) for key in keys}
    return PriceSchedule(pairs, currency=draw(currencies), name=draw(st.sampled_from(["", "2026-11"])))


@frozen
class OwnSchedule:
    """A user's schedule, which does not list its entries."""

    prices: PriceSchedule

    @property
    def currency(self):
        return self.prices.currency.code if self.prices.currency.code != "TOKEN" else self.prices.currency

    def match(self, meter):
        return self.prices.match(meter)

    @property
    def entries(self):
        return self.prices.entries


@frozen
class OwnListedSchedule(OwnSchedule):
    """A user's schedule that lists its entries, and hashes them."""

    def __iter__(self):
        return iter(self.prices.entries)

    def content_hash(self):
        return f"own {self.prices.content_hash()}"


# ---------------------------------------------------------------- plans

roundings = st.builds(
    Rounding,
    st.sampled_from([None, None, None, 0, 1, 5, 30]),
    st.sampled_from(["half_up", "half_even", "up", "down"]),
    st.sampled_from(["bill", "line"]),
    st.sampled_from(["total"]),
)


@st.composite
def on_demand_plans(draw, of=prices):
    prices_of = draw(schedules(of))
    wrapped = draw(st.sampled_from([PriceSchedule, PriceSchedule, OwnSchedule, OwnListedSchedule]))
    own = prices_of if wrapped is PriceSchedule else wrapped(prices_of)
    return BillingPlan.on_demand(
        own, rounding=draw(roundings), name=draw(st.sampled_from(["", "Pay as you go"]))
    )


plans = on_demand_plans
"""Every plan; other kinds join with ``|`` here."""


@st.composite
def plans_and_usages(draw, of=prices, count=2):
    """A plan and usages that it prices."""
    plan = draw(plans(of))
    return plan, *(draw(usages_of(plan.prices)) for _ in range(count))


@st.composite
def plans_and_parts(draw, of=prices, most=20):
    """A plan and the parts that a period's usage comes in."""
    plan = draw(plans(of))
    return plan, draw(st.lists(usages_of(plan.prices), min_size=1, max_size=most))


# ---------------------------------------------------------------- anything at all


class Hostile:
    """An object that answers with errors, as arrays do when their truth is asked."""

    def __bool__(self):
        raise ValueError("no truth")


class OddText(str):
    """A text whose own methods lie."""

    def __str__(self):
        return "1"


class OddInt(int):
    """A number whose operators lie."""

    def __add__(self, other):
        return 0

    __lt__ = __add__


odd_numbers = st.sampled_from(
    ["NaN", "sNaN", "Infinity", "-0", "1E+999999", "1E-999999", "1E+30", "-1", "0E+40"]
).map(Decimal)
odd_things = st.one_of(
    st.sampled_from([10**30, 10**400, -(10**29), 2**63, OddInt(7), OddText("2"), object(), range(3)]),
    st.sampled_from([len, lambda quantity: quantity, ..., NotImplemented]),
    st.builds(Hostile),
)
classes = st.sampled_from([int, PerUnit, PriceSchedule])
odd_texts = st.sampled_from(
    ["1_000", " 1", "１", "1e5", "", "a{b=c", "a{b=c}", "\x00", "\ud800", "0x10", "1.", ".5", "USD", "up"]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.fractions(),
    st.text(max_size=6),
    st.binary(max_size=4),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
)
valid = st.one_of(
    st.builds(PerUnit, common),
    usages,
    meters,
    roundings,
    st.sampled_from([Account(), Tier(10, 1), PriceSchedule(a=1), Currency("USD")]),
)


def collections(inner):
    return st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.tuples(inner, inner),
        st.lists(inner, max_size=3).map(iter),
        st.dictionaries(odd_texts | st.integers() | st.none() | meters, inner, max_size=3),
        st.frozensets(st.integers() | st.text(max_size=2), max_size=3),
    )


single = st.one_of(*map(one, (odd_numbers, odd_things, classes, odd_texts, scalars, valid)))
junk = st.one_of(one(single), one(collections(single)), st.recursive(single, collections, max_leaves=5))
"""Anything that may reach a door: what is no number, no text, no price, and what lies about itself."""
