"""Plans of many terms in which one meter, `calls`, is varied by a test, and their exact totals."""

from decimal import Decimal
from fractions import Fraction

from attrs import evolve
from hypothesis import strategies as st

from tests.support.strategies import entries, listed_prices, rates
from tokenbill import (
    Bill,
    BillingPlan,
    Currency,
    Discount,
    Fee,
    Flat,
    Graduated,
    Package,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Volume,
)
from tokenbill.core.money.decimals import shifted

TINY = Fraction(1, 10**27)
"""What a bill that is rounded to 30 places may be away from its exact total: a few of its last places."""


def fine(plan):
    """The plan, rounded so finely that its bills are as good as exact."""
    return evolve(plan, rounding=Rounding(30, mode=plan.rounding.mode))


def exact(plan, usage):
    return Fraction(Bill.of(usage, fine(plan)).total)


def scopes(keys):
    """Scopes that are on something: a plan without `gpu` refuses a term on it."""
    both = ("gpu", "fee") if "gpu" in keys else ("calls", "fee")
    return st.sampled_from([None, None, None, "usage", "fee", "minimum", "calls", both])


def discounts(money, keys):
    return st.one_of(
        st.builds(Discount.percent, st.sampled_from([5, "12.5", 100]), on=scopes(keys)),
        st.builds(Discount.fixed, money, on=scopes(keys)),
    )


def taxes(keys):
    return st.builds(Tax, st.just("tax"), st.sampled_from([0, 19, "8.875"]), st.booleans(), scopes(keys))


@st.composite
def plans_along(draw, of=listed_prices, money=rates):
    """A plan of many terms with prices for `calls`, which a test varies, and `gpu`."""
    keys = draw(st.sampled_from([["calls"], ["calls", "gpu"], ["calls", "calls{x=1}", "gpu"]]))
    minimum = draw(st.none() | st.none() | money)
    maximum = draw(st.none() | st.none() | money)
    terms = {
        "fees": draw(st.lists(st.builds(Fee, money), max_size=2)),
        "included": draw(st.just({}) | st.fixed_dictionaries({"calls": quantities})),
        "discounts": draw(st.lists(discounts(money, keys), max_size=2)),
        "minimum": minimum,
        "maximum": maximum if minimum is None or maximum is None else max(minimum, maximum),
        "taxes": draw(st.lists(taxes(keys), max_size=2)),
        "rounding": Rounding(mode=draw(st.sampled_from(["half_up", "half_even", "up", "down"]))),
    }
    if draw(st.integers(0, 4)):
        return BillingPlan.on_demand(PriceSchedule({key: draw(entries(of)) for key in keys}), **terms)
    unit = Currency("TOKEN", places=draw(st.sampled_from([0, 2])))
    prices = PriceSchedule({key: draw(entries(of)) for key in keys}, currency=unit)
    return BillingPlan.on_demand(prices, currency="USD", token_price=draw(of), **terms)


quantities = st.one_of(
    st.integers(0, 3000).map(Decimal), st.integers(0, 9999).map(lambda n: Decimal(n) / 100)
)


small_money = st.integers(0, 400).map(lambda tenths: shifted(tenths, 1))


def priced_small():
    """Prices of small numbers, so that much happens between small integers: tiers, steps, cliffs, nests."""
    rate = st.integers(0, 12).map(lambda tenths: shifted(tenths, 1))
    size = st.sampled_from([1, 3, 7, 10, 25, 60, "2.5", "0.7"])
    way = st.sampled_from(["up", "down", "half_up"])
    ends = st.sets(st.integers(1, 120), max_size=3).map(sorted)
    tiered = st.builds(
        lambda kind, bounds, rates, fees, blocks: kind(
            [
                Tier(end, rate, fee, per=per, round=way)
                for end, rate, fee, (per, way) in zip([*bounds, None], rates, fees, blocks, strict=False)
            ]
        ),
        st.sampled_from([Graduated, Volume]),
        ends,
        st.lists(rate, min_size=4, max_size=4),
        st.lists(st.sampled_from([0, 0, 2, 5]), min_size=4, max_size=4),
        st.lists(
            st.sampled_from([(None, "none"), (None, "none"), (10, "up"), (7, "down")]), min_size=4, max_size=4
        ),
    )
    leaf = st.one_of(
        st.builds(PerUnit, rate),
        st.builds(Flat, st.integers(0, 60), at_zero=st.booleans()),
        st.builds(Package, size, st.integers(0, 20), way),
        tiered,
        tiered,
    )
    bent = st.one_of(
        leaf,
        st.builds(lambda price, other: price + other, leaf, leaf),
        st.builds(lambda price, free: price.after(free), leaf, st.integers(0, 90)),
        st.builds(lambda price, most: price.capped(most), leaf, st.integers(0, 90)),
        st.builds(lambda price, least: price.at_least(least), leaf, st.integers(0, 40)),
        st.builds(lambda price, of, way: price.in_units(of=of, round=way), leaf, size, way),
        st.builds(lambda price, other: price.then(other), leaf, leaf),
    )
    return st.one_of(
        leaf, bent, st.builds(lambda price, of, way: price.in_units(of=of, round=way), bent, size, way)
    )


small_prices = priced_small()
