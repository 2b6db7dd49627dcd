"""The laws of prices and bills, each over every price, plan and usage that `strategies` knows.

A law is seen to fail before it counts: `LAWS.md` lists a break that each of them has caught.
"""

import copy
import pickle
import re
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    Context,
    Decimal,
    FloatOperation,
    Inexact,
    getcontext,
    localcontext,
)
from fractions import Fraction
from itertools import combinations, pairwise

import attrs
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from tests.support.strategies import (
    Saturating,
    closed,
    crowded_meters,
    currencies,
    entries,
    factors,
    junk,
    leaves,
    listed_prices,
    meters,
    on_demand_plans,
    one,
    per_unit,
    plans_and_parts,
    plans_and_usages,
    prices,
    prices_and_quantities,
    quantities,
    rates,
    rounded_volumes,
    roundings,
    schedules,
    sizes,
    spelled,
    tie,
    tiers,
    usages,
)
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Currency,
    Flat,
    Graduated,
    Meter,
    Package,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tier,
    TokenbillError,
    UnpricedUsage,
    Usage,
    Volume,
)
from tokenbill.core.billing.account import NEW
from tokenbill.core.money.decimals import decimal, number
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.lint import cliffs
from tokenbill.core.pricing.price import Each
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.errors import InvalidNumber, InvalidSchedule
from tokenbill.testing.laws import LAWS

EXACTLY = Context(prec=2000)
"""A context in which a test can add up what a bill says."""


def total_of(numbers):
    """The sum of Decimals, to the last digit."""
    with localcontext(EXACTLY):
        return sum(numbers, Decimal(0))


# ---------------------------------------------------------------- 1–5: prices


@given(plans_and_usages(of=per_unit, count=2), st.integers(0, 100))
def test_linear_prices_are_linear(case, times):
    plan, one, other = case
    plan = attrs.evolve(plan, rounding=Rounding(places=2))

    exact = [Bill.of(usage, plan).exact for usage in (one, other, one + other, one * times)]

    assert exact[0] + exact[1] == exact[2]
    assert exact[0] * times == exact[3]


@given(plans_and_usages(of=per_unit, count=1))
def test_a_linear_bill_is_the_sum_of_quantity_times_rate(case):
    plan, usage = case
    plan = attrs.evolve(plan, rounding=Rounding(places=2))

    costs = [
        Fraction(quantity) * linear_rate(plan.prices.match(meter).price) for meter, quantity in usage.items()
    ]

    assert Bill.of(usage, plan).exact == sum(costs)


def linear_rate(price):
    price = price.price if isinstance(price, Each) else price
    return Fraction(price.rate) / Fraction(price.per)


@given(plans_and_usages(count=1))
def test_no_total_is_negative(case):
    plan, usage = case

    assert Bill.of(usage, plan).total >= 0


@given(prices_and_quantities(of=listed_prices))
def test_a_price_without_cliffs_never_falls(case):
    price, less, more = case
    assume(not cliffs(price))

    assert amount_at(price, less) <= amount_at(price, decimal(Fraction(less) + Fraction(more)))


@given(listed_prices | rounded_volumes)
def test_a_price_falls_at_each_of_its_cliffs(price):
    for cliff in cliffs(price):
        assert any(falls_at(price, cliff.quantity, Fraction(1, 10**places)) for places in (10, 40, 160, 640))


def falls_at(price, quantity, beside):
    amounts = [
        amount_at(price, at) for at in (max(quantity - beside, Fraction(0)), quantity, quantity + beside)
    ]
    return any(after < before for before, after in pairwise(amounts))


@given(schedules(of=listed_prices))
def test_lint_finds_a_cliff_if_and_only_if_a_price_of_the_schedule_has_one(schedule):
    found = {finding.meter for finding in schedule.lint() if finding.code == "cliff"}

    assert found == {
        key
        for key, price in schedule.entries
        if cliffs(getattr(price, "price", price) if isinstance(price, Each) else price)
    }


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.strip("_"))
@given(case=prices_and_quantities())
def test_a_price_obeys_what_check_price_asks_of_it(law, case):
    law(*case)


@given(prices_and_quantities())
def test_what_comes_later_adds_up_to_what_comes_at_once(case):
    price, early, late = case
    whole = decimal(Fraction(early) + Fraction(late))

    assert total_of([price(early), price(late, prior=early)]) == price(whole)
    assert price.exact(early) + price.exact(late, prior=early) == price.exact(whole)


@given(prices, prices, prices, quantities)
def test_a_sum_of_prices_costs_the_sum_of_what_they_cost(one, two, three, quantity):
    assert (one + two).exact(quantity) == one.exact(quantity) + two.exact(quantity)
    assert (one + two) + three == one + (two + three)


@given(prices_and_quantities(count=1), factors)
def test_a_price_times_a_factor_costs_as_many_times_as_much(case, factor):
    price, quantity = case

    assert (price * factor).exact(quantity) == Fraction(factor) * price.exact(quantity)
    assert factor * price == price * factor


@given(prices_and_quantities(count=1), quantities)
def test_after_shifts_a_curve_to_the_right(case, free):
    price, quantity = case

    assert price.after(free).exact(decimal(Fraction(quantity) + Fraction(free))) == price.exact(quantity)
    assert price.after(free).exact(free) == price.exact(0)


@given(prices_and_quantities(count=1), rates)
def test_a_cap_is_the_smaller_and_a_floor_the_larger_of_two_amounts(case, amount):
    price, quantity = case

    assert price.capped(amount).exact(quantity) == min(price.exact(quantity), Fraction(amount))
    assert price.at_least(amount).exact(quantity) == max(price.exact(quantity), Fraction(amount))


@given(listed_prices, sizes, st.just(1) | sizes, quantities, st.integers(0, 20))
def test_a_conversion_multiplies_and_divides_the_quantity(price, of, times, quantity, halves):
    quantity = share_of(of, Fraction(halves, 2)) if times == 1 else quantity
    converted = Fraction(quantity) * Fraction(times) / Fraction(of)
    whole = {
        "none": converted,
        "up": -(-converted // 1),
        "down": converted // 1,
        "half_up": (converted + Fraction(1, 2)) // 1,
    }

    for direction, units in whole.items():
        assert price.in_units(of, times, direction).exact(quantity) == amount_at(price, Fraction(units))


@given(prices, listed_prices, quantities)
def test_then_composes_two_curves(price, curve, quantity):
    assert price.then(curve).exact(quantity) == amount_at(curve, price.exact(quantity))


# ---------------------------------------------------------------- 6: splitting


@given(plans_and_parts(), st.data())
def test_splitting_a_period_never_changes_what_is_owed(case, data):
    plan, parts = case

    bills = billed_in_parts(
        plan, parts, lambda account: data.draw(st.sampled_from([account, attrs.evolve(account)]))
    )

    assert total_of(bill.total for bill in bills) == Bill.of(sum(parts), plan).total
    assert (
        sum(bill.exact for bill in bills) == Bill.of(sum(parts), plan).exact or plan.rounding.stage == "line"
    )


def billed_in_parts(plan, parts, handed_on=attrs.evolve, opening=NEW):
    """The bills of the parts of a period; `handed_on` is what each account becomes."""
    bills = []
    for i, part in enumerate(parts, 1):
        bills.append(Bill.of(part, plan, opening=opening, final=i == len(parts)))
        opening = handed_on(bills[-1].closing)
    return bills


@given(plans_and_parts(), st.data())
def test_what_is_due_and_the_credit_balance_make_up_the_totals(case, data):
    plan, parts = case
    credit = data.draw(st.integers(-10, 1000))

    try:
        bills = billed_in_parts(plan, parts, opening=Account(credit_balance=credit))
    except InvalidNumber:
        # a price that falls by more than a number holds leaves credit that no account can be made of
        assume(max(abs(Bill.of(sum(parts[:n]), plan).total) for n in range(1, len(parts) + 1)) < 10**29)
        raise

    assert all(bill.due >= 0 and bill.closing.credit_balance >= 0 for bill in bills)
    settled = total_of([credit, *(bill.due for bill in bills)])
    assert settled == total_of([bills[-1].closing.credit_balance, *(bill.total for bill in bills)])


@given(plans_and_parts(most=6), st.data())
def test_a_correction_inside_a_period_is_owed_as_if_it_had_never_been_used(case, data):
    plan, parts = case
    taken = data.draw(some_of(sum(parts[:-1], Usage())))

    bills = billed_in_parts(plan, [*parts[:-1], Usage()], lambda account: account)
    opening = bills[-2].closing if len(bills) > 1 else Account()
    last = Bill.of(parts[-1], plan, opening=opening, reversal=taken)

    before = total_of(bill.total for bill in bills[:-1])
    assert total_of([before, last.total]) == Bill.of(sum(parts) - taken, plan).total


def some_of(usage):
    """A part of a usage, by meter."""
    shares = st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1)])
    kept = {
        meter: shares.map(lambda share, q=quantity: share_of(q, share)) for meter, quantity in usage.items()
    }
    return st.fixed_dictionaries(kept).map(Usage)


def share_of(quantity, share):
    """A share of a quantity, cut to the decimals that a quantity may have."""
    return decimal(Fraction(Fraction(quantity) * share * 10**30 // 1, 10**30))


@given(plans_and_usages(count=2))
def test_the_difference_of_two_bills_is_the_difference_of_their_lines(case):
    plan, one, other = case
    later, earlier = Bill.of(other, plan), Bill.of(one, plan)

    adjustment = later - earlier

    assert adjustment.total == total_of([later.total, earlier.total.copy_negate()])
    assert sum(line.exact for line in adjustment.lines) == adjustment.total


# ---------------------------------------------------------------- 7, 8: lines and order


@given(plans_and_parts(most=5))
def test_lines_sum_to_the_total_as_decimals_and_as_fractions(case):
    plan, parts = case

    for bill in (Bill.of(sum(parts), plan), *billed_in_parts(plan, parts)):
        assert total_of(line.amount for line in bill.lines) == bill.total
        assert sum(line.exact for line in bill.lines) == bill.total


@given(plans_and_parts(of=leaves, most=3) | plans_and_parts(most=5))
def test_the_fast_road_and_the_road_by_lines_meet(case):
    plan, parts = case

    for bill in (Bill.of(parts[0], plan), *billed_in_parts(plan, [*parts, Usage()], lambda account: account)):
        bill.verify()
        charged = sum(line.exact for line in bill.lines if line.kind != "rounding")
        before = billed_before(bill)
        assert bill.total == total_of(
            [plan.rounding(before + charged, plan.currency.places), bill.opening.accrued.copy_negate()]
        )


def billed_before(bill):
    """The exact amount of what the opening account had used, nothing for a fresh one."""
    opening = bill.opening
    return Fraction(0) if opening.fingerprint is None else Bill.of(opening.used, bill.plan).exact


@given(prices_and_quantities(of=one(leaves) | prices, count=1), roundings)
def test_a_bill_of_one_entry_is_what_its_price_says(case, rounding):
    price, quantity = case
    plan = BillingPlan.on_demand(PriceSchedule(a=price), rounding=rounding)

    assert Bill.of({"a": quantity}, plan).total == rounding(price.exact(quantity), 2)


@given(prices_and_quantities(count=2))
def test_each_value_of_a_label_has_a_curve_of_its_own(case):
    price, one, other = case
    plan = BillingPlan.on_demand(PriceSchedule(a=price.each("x")))
    usage = Usage([("a{x=1,y=1}", one), ("a{x=2,y=1}", other), ("a{x=1,y=2}", 1)])

    apart = price.exact(decimal(Fraction(one) + 1)) + (price.exact(other) if other else 0)

    assert Bill.of(usage, plan).exact == apart


@given(plans_and_usages(count=1))
def test_a_bill_is_the_rounded_sum_of_each_curve_at_its_quantity(case):
    plan, usage = case
    amounts = [amount_at(price, decimal(quantity)) for price, quantity in curves_reached(plan.prices, usage)]
    if plan.rounding.stage == "line":
        amounts = [plan.rounding(amount, plan.currency.places) for amount in amounts]

    assert Bill.of(usage, plan).total == plan.rounding(sum(map(Fraction, amounts)), plan.currency.places)


def test_a_total_of_more_digits_than_a_quotient_keeps_is_exact():
    price = PerUnit(1, per=3)
    for _ in range(4):
        price = price.then(PerUnit(10**29 + 1))  # 10^116 ÷ 3 for each unit
    plan = BillingPlan.on_demand(PriceSchedule(a=price), rounding=Rounding(places=30))

    assert Bill.of({"a": 10**29 + 1}, plan).total == plan.rounding(Fraction((10**29 + 1) ** 5, 3))


def curves_reached(schedule, usage):
    """Each curve with its quantity, found the plain way: those that usage reaches, and those that stand."""
    reached = defaultdict(Fraction)
    listed = schedule if isinstance(schedule, PriceSchedule) or hasattr(schedule, "__iter__") else None
    for key, price in schedule.entries if listed is not None else ():
        if not isinstance(price, Each):
            reached[key, price, ()] += 0
    for meter, quantity in usage.items():
        key, price = schedule.match(meter)
        group = tuple(map(meter.labels.get, price.labels)) if isinstance(price, Each) else ()
        reached[key, price, group] += Fraction(quantity)
    return [
        (price.price if isinstance(price, Each) else price, quantity)
        for (_, price, _), quantity in reached.items()
    ]


@given(plans_and_usages(count=1), st.randoms(use_true_random=False))
def test_the_order_of_usage_and_of_entries_changes_no_byte(case, random):
    plan, usage = case
    assume(isinstance(plan.prices, PriceSchedule))
    pairs, priced = list(usage.items()), list(plan.prices.entries)
    random.shuffle(pairs)
    random.shuffle(priced)

    shuffled = attrs.evolve(plan, prices=PriceSchedule(priced, currency=plan.currency, name=plan.prices.name))

    assert told(Bill.of(Usage(pairs), shuffled)) == told(Bill.of(usage, plan))
    assert shuffled.fingerprint() == plan.fingerprint()


def told(bill):
    """Everything that a bill says, as text."""
    return [
        str(bill),
        bill.explain(),
        repr([{key: plain(item) for key, item in row.items()} for row in bill.to_rows()]),
        bill._repr_html_(),
        repr(bill.exact),
        bill.plan.fingerprint(),
    ]


def plain(item):
    """A cell as text: of the Decimal 0E-30 the caller's context decides whether its repr says e or E."""
    return f"Decimal {item:f}" if isinstance(item, Decimal) else item


@given(st.lists(usages, max_size=5), st.randoms(use_true_random=False))
def test_the_order_in_which_usage_is_added_changes_nothing(parts, random):
    shuffled = random.sample(parts, len(parts))

    assert sum(parts, Usage()) == sum(shuffled, Usage())
    assert repr(sum(parts, Usage())) == repr(sum(shuffled, Usage()))


@given(st.dictionaries(sizes, rates, min_size=1, max_size=5), rates, quantities, st.data())
def test_the_spelling_of_tiers_changes_nothing(ends, last, quantity, data):
    pairs = [*sorted(ends.items()), (None, last)]
    lows = [0, *(end for end, _ in pairs[:-1])]
    widths = [
        None if end is None else decimal(Fraction(end) - Fraction(low))
        for low, (end, _) in zip(lows, pairs, strict=True)
    ]

    plain = tuple(Tier(end, data.draw(spelled(rate))) for end, rate in pairs)

    assert plain == Tier.widths([(width, rate) for width, (_, rate) in zip(widths, pairs, strict=True)])
    assert plain == Tier.lower_bounds([(low, rate) for low, (_, rate) in zip(lows, pairs, strict=True)])


@given(st.dictionaries(sizes, rates, min_size=1, max_size=5), rates, sizes, quantities)
def test_cutting_a_graduated_tier_in_two_changes_nothing(ends, last, cut, quantity):
    whole = [Tier(end, rate) for end, rate in [*sorted(ends.items()), (None, last)]]
    halved = next(tier for tier in whole if tier.up_to is None or cut < tier.up_to)
    assume(cut not in ends)

    at = whole.index(halved)
    finer = [*whole[:at], Tier(cut, halved.rate), *whole[at:]]

    assert Graduated(finer).exact(quantity) == Graduated(whole).exact(quantity)


# ---------------------------------------------------------------- 14: equality


VALUES = st.one_of(
    prices,
    usages,
    meters,
    schedules(),
    on_demand_plans(),
    roundings,
    currencies.map(lambda code: code if isinstance(code, Currency) else Currency(code)),
    tiers().map(lambda many: many[0]),
    entries(),
    plans_and_usages(count=1).map(lambda case: Bill.of(case[1], case[0])),
    plans_and_usages(count=1).map(lambda case: Bill.of(case[1], case[0], final=False).closing),
)
BUILT = (Usage, PriceSchedule, Meter, Bill)
"""Built from mappings, from text or by `Bill.of`, so that `attrs.evolve` does not apply."""


@given(VALUES)
def test_a_copy_is_equal_and_hashes_equally(value):
    copies = [copy.copy(value), copy.deepcopy(value)]
    copies += [
        pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ]
    copies += [] if isinstance(value, BUILT) else [attrs.evolve(value)]

    for made in copies:
        assert made == value
        assert hash(made) == hash(value)
        assert type(made) is type(value)


@given(VALUES)
def test_a_value_built_again_from_other_spellings_is_equal(value):
    again = rebuilt(value)

    assert again == value
    assert hash(again) == hash(value)
    if isinstance(value, PriceSchedule):
        assert again.content_hash() == value.content_hash()


def respelled(value):
    """A number as text with one more zero, where it is not too long to be read."""
    text = f"{value:f}"
    whole, _, decimals = text.partition(".")
    if len(whole) > 30:
        return value
    return f"{text}0" if decimals and len(decimals) < 30 else text


def rebuilt(value):
    """The same value through every constructor again, each number as text with more zeros."""
    match value:
        case Decimal():
            return respelled(value)
        case Meter():
            return Meter(f" {value} ")
        case Usage():
            return Usage([(str(meter), rebuilt(quantity)) for meter, quantity in value.items()])
        case PriceSchedule():
            pairs = [(str(key), rebuilt(price)) for key, price in value.entries]
            return PriceSchedule(pairs, currency=rebuilt(value.currency), name=value.name)
        case tuple():
            return tuple(map(rebuilt, value))
        case Bill():
            usage, plan = rebuilt(value.usage), rebuilt(value.plan)
            return Bill.of(usage, plan, opening=rebuilt(value.opening), final=value.final)
        case _ if attrs.has(type(value)):
            made_of = [item for item in attrs.fields(type(value)) if item.init]
            return type(value)(**{item.alias: rebuilt(getattr(value, item.name)) for item in made_of})
        case _:
            return value


# ---------------------------------------------------------------- 15: hostile surroundings

HOSTILE = [
    Context(prec=1, rounding=ROUND_CEILING, Emin=0, Emax=0, traps=[]),
    Context(prec=3, rounding=ROUND_DOWN, capitals=0, clamp=1, traps=[Inexact, FloatOperation]),
    Context(prec=1, Emin=-1, Emax=1, traps=[Inexact, FloatOperation], capitals=0),
]


MOST_DIGITS = sys.get_int_max_str_digits()
"""Of the whole process: threads that each put back what they found would leave what another had set."""


@contextmanager
def hostile(context):
    """A caller's decimal context and settings that change nothing, and are left as they were."""
    with localcontext(context):
        sys.set_int_max_str_digits(640)
        getcontext().clear_flags()
        try:
            yield
            assert not any(getcontext().flags.values())
        finally:
            sys.set_int_max_str_digits(MOST_DIGITS)


def made_in(context, plan, parts):
    """What all bills of a period say, from constructors on, made within a decimal context."""
    with hostile(context):
        plan, parts = rebuilt(plan), [rebuilt(part) for part in parts]
        bills = [Bill.of(sum(parts), plan), *billed_in_parts(plan, parts)]
        for bill in bills:
            bill.verify()
        return [told(bill) for bill in bills]


@given(plans_and_parts(most=3))
def test_hostile_contexts_and_threads_change_no_byte(case):
    plan, parts = case
    calm = made_in(Context(prec=28), plan, parts)

    assert [made_in(context, plan, parts) for context in HOSTILE] == [calm] * len(HOSTILE)


def test_eight_threads_of_eight_contexts_change_no_byte(example_of_a_period):
    plan, parts = example_of_a_period
    calm = made_in(Context(prec=28), plan, parts)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda i: made_in(HOSTILE[i % len(HOSTILE)], plan, parts), range(64)))

    assert found == [calm] * 64


@pytest.fixture
def example_of_a_period():
    """A plan with every kind of curve, and usage in three parts."""
    priced = {
        "gpu_hours{gpu=H100}": Graduated([Tier(10, "2.50", fee=1), Tier(None, "1.99")]).each("region"),
        "gpu_hours": Package(7, "0.335", "half_up").after(3) + Saturating(500, 7),
        "api_calls": Volume([Tier(100, "0.01"), Tier(None, "0.007", per=3)]).capped(7).at_least("0.333"),
        "seconds": PerUnit("0.10", per=3600).then(Graduated([Tier(1, 1), Tier(None, "1.5")])),
        "storage": Flat("0.1", at_zero=True) * "1.19",
    }
    parts = [
        {"gpu_hours{gpu=H100,region=eu}": "7.3", "gpu_hours": 9, "seconds": 40_001},
        {"gpu_hours{gpu=H100,region=us}": "12.07", "api_calls": "99.5", "gpu_hours{gpu=A100}": "0.7"},
        {"gpu_hours{gpu=H100}": "0.001", "api_calls": 1, "seconds": "0.25"},
    ]
    return BillingPlan.on_demand(PriceSchedule(priced)), [Usage(part) for part in parts]


# ---------------------------------------------------------------- 16: any data

PLAN = BillingPlan.on_demand(PriceSchedule(a=Graduated([Tier(10, 1), Tier(None, "0.5")]), b=2))
PRICE = PLAN.prices["a"]
OPEN = Bill.of(Usage(a=1), PLAN, final=False).closing
BOOK = PriceBook([("2026-01-01", PLAN.prices)])

DOORS = {
    "number": number,
    "Usage": Usage,
    "Usage of a meter": lambda it: Usage({"a": it}),
    "Usage of pairs": lambda it: Usage([(it, 1)]),
    "Usage of keywords": lambda it: Usage(a=it),
    "Usage, get": lambda it: Usage(a=1)[it],
    "Usage, contains": lambda it: it in Usage(a=1),
    "Usage, total": lambda it: Usage(a=1).total(it),
    "Usage, times": lambda it: Usage(a=1) * it,
    "Meter": Meter,
    "Meter of labels": lambda it: Meter("a", it),
    "Meter of a label": lambda it: Meter("a", {"b": it}),
    "Currency": Currency,
    "Currency with places": lambda it: Currency("TOKEN", places=it),
    "Rounding": Rounding,
    "Rounding, mode": lambda it: Rounding(mode=it),
    "Rounding, stage": lambda it: Rounding(places=2, stage=it),
    "Rounding, tax": lambda it: Rounding(tax=it),
    "Rounding of an amount": Rounding(places=2),
    "Rounding to places": lambda it: Rounding()("1.005", it),
    "Rounding, allocate": lambda it: Rounding(places=2).allocate(it, [1, 2]),
    "Rounding, allocate by": lambda it: Rounding(places=2).allocate(10, it),
    "Rounding, allocate to": lambda it: Rounding().allocate(10, [1], places=it),
    "PerUnit": PerUnit,
    "PerUnit, per": lambda it: PerUnit(1, it),
    "Flat": Flat,
    "Flat, at zero": lambda it: Flat(1, it),
    "Package": lambda it: Package(it, 1),
    "Package, fee": lambda it: Package(1, it),
    "Package, round": lambda it: Package(1, 1, it),
    "Tier": Tier,
    "Tier, rate": lambda it: Tier(1, it),
    "Tier, fee": lambda it: Tier(1, fee=it),
    "Tier, per": lambda it: Tier(1, per=it),
    "Tier, round": lambda it: Tier(1, round=it),
    "Tier.widths": Tier.widths,
    "Tier.widths of a pair": lambda it: Tier.widths([it]),
    "Tier.widths of a width": lambda it: Tier.widths([(it, 1)]),
    "Tier.lower_bounds": Tier.lower_bounds,
    "Tier.lower_bounds of a pair": lambda it: Tier.lower_bounds([(0, 1), it]),
    "Tier.lower_bounds of a bound": lambda it: Tier.lower_bounds([(0, 1), (it, 2)]),
    "Graduated": Graduated,
    "Graduated of a tier": lambda it: Graduated([it]),
    "Graduated, per": lambda it: Graduated([Tier(None, 1)], per=it),
    "Graduated, fee at zero": lambda it: Graduated([Tier(None, 1)], fee_at_zero=it),
    "Volume": Volume,
    "Volume, tier at": lambda it: Volume([Tier(None, 1)]).tier_at(it),
    "Volume, fee at zero": lambda it: Volume([Tier(None, 1)], fee_at_zero=it),
    "price": PRICE,
    "price, prior": lambda it: PRICE(1, it),
    "price, exact": PRICE.exact,
    "price, after": PRICE.after,
    "price, capped": PRICE.capped,
    "price, at least": PRICE.at_least,
    "price, in units": PRICE.in_units,
    "price, in units times": lambda it: PRICE.in_units(times=it),
    "price, in units rounded": lambda it: PRICE.in_units(round=it),
    "price, then": PRICE.then,
    "price, each": PRICE.each,
    "price, times": lambda it: PRICE * it,
    "price, plus": lambda it: PRICE + it,
    "PriceSchedule": PriceSchedule,
    "PriceSchedule of a price": lambda it: PriceSchedule({"a": it}),
    "PriceSchedule of a pair": lambda it: PriceSchedule([it]),
    "PriceSchedule of a meter": lambda it: PriceSchedule([(it, 1)]),
    "PriceSchedule, currency": lambda it: PriceSchedule(currency=it),
    "PriceSchedule, name": lambda it: PriceSchedule(name=it),
    "PriceSchedule, get": lambda it: PLAN.prices[it],
    "PriceSchedule, match": PLAN.prices.match,
    "PriceSchedule, contains": lambda it: it in PLAN.prices,
    "PriceSchedule, or": lambda it: PLAN.prices | it,
    "PriceSchedule, times": lambda it: PLAN.prices * it,
    "PriceBook": PriceBook,
    "PriceBook of a pair": lambda it: PriceBook([it]),
    "PriceBook of a start": lambda it: PriceBook([(it, PLAN.prices)]),
    "PriceBook of a schedule": lambda it: PriceBook([("2026-01-01", it)]),
    "PriceBook, on": BOOK.on,
    "PriceBook, parts": BOOK.parts,
    "BillingPlan": BillingPlan.on_demand,
    "BillingPlan, name": lambda it: BillingPlan.on_demand(PLAN.prices, name=it),
    "BillingPlan, rounding": lambda it: BillingPlan.on_demand(PLAN.prices, rounding=it),
    "Account": Account,
    "Account, fingerprint": lambda it: Account(fingerprint=it),
    "Account, used": lambda it: Account(used=it),
    "Account, accrued": lambda it: Account(accrued=it),
    "Account, credit_balance": lambda it: Account(credit_balance=it),
    "Bill": lambda it: Bill.of(it, PLAN),
    "Bill, plan": lambda it: Bill.of(Usage(a=1), it),
    "Bill, opening": lambda it: Bill.of(Usage(a=1), PLAN, opening=it),
    "Bill, less": lambda it: Bill.of(Usage(a=1), PLAN, reversal=it),
    "Bill, less on an account": lambda it: Bill.of(Usage(a=1), PLAN, opening=OPEN, reversal=it),
    "Bill, final": lambda it: Bill.of(Usage(a=1), PLAN, final=it),
    "Bill, about": lambda it: Bill.of(Usage(a=1), PLAN, about=it),
    "Bill, about a number": lambda it: Bill.of(Usage(a=1), PLAN, about={"number": it}),
    "Bill, on an account of these terms": lambda it: Bill.of(
        Usage(a=1), PLAN, opening=attrs.evolve(OPEN, fingerprint=it)
    ),
}
OPERATORS = {"Usage, times", "price, times", "price, plus", "PriceSchedule, or", "PriceSchedule, times"}
"""Where Python's own TypeError for an operand of another type stays."""


@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=settings.default.max_examples // 4)
@given(it=junk)
def test_any_data_gives_a_value_or_an_error_of_ours(door, it):
    allowed = (TokenbillError, TypeError) if door in OPERATORS else TokenbillError
    try:
        value = DOORS[door](it)
    except allowed as error:
        refusal = error
        event(type(error).__name__)
    else:
        refusal = None
        assert hash(value) == hash(copy.copy(value))

    assert refusal is None or is_told(refusal)


def is_told(error):
    """Whether an error says what a handler and a reader need."""
    if not isinstance(error, TokenbillError):
        return re.search("unsupported operand|can't multiply", str(error))
    return error.code != TokenbillError.code and len(str(error)) <= 500


@given(st.lists(st.tuples(meters, entries()), max_size=4), usages)
def test_any_schedule_and_any_usage_give_a_bill_or_an_error_of_ours(pairs, usage):
    try:
        bill = Bill.of(usage, BillingPlan.on_demand(PriceSchedule(pairs)))
    except (InvalidSchedule, UnpricedUsage):
        return
    bill.verify()


# ---------------------------------------------------------------- 17: matching


@given(st.lists(crowded_meters, max_size=4, unique=True), st.lists(crowded_meters, max_size=8))
def test_every_meter_has_one_most_specific_entry_or_none(keys, asked):
    keys = closed(keys)
    schedule = PriceSchedule({key: i for i, key in enumerate(keys)})

    for meter in [*asked, *keys]:
        matching = [key for key in keys if key.includes(meter)]
        specific = [key for key in matching if all(other.includes(key) for other in matching)]
        assert ([schedule.match(meter).key] if matching else []) == specific
        assert (meter in schedule) == (meter in keys)


@given(st.lists(crowded_meters, max_size=4))
def test_a_schedule_is_refused_if_and_only_if_a_meter_is_priced_twice_or_ties(keys):
    ties = [
        union for one, other in combinations(set(keys), 2) if (union := tie(one, other)) and union not in keys
    ]
    twice = [key for key, count in Counter(keys).items() if count > 1]

    try:
        PriceSchedule([(key, 1) for key in keys])
        refusal = ""
    except InvalidSchedule as error:
        refusal = str(error)

    assert bool(refusal) == bool(ties or twice)
    assert twice or not ties or any(f"add an entry {union}" in refusal for union in ties)


@given(schedules(), meters)
def test_what_no_entry_prices_is_refused(schedule, meter):
    assume(not any(key.includes(meter) for key in schedule))

    with pytest.raises(UnpricedUsage) as refused:
        Bill.of({meter: 1}, BillingPlan.on_demand(schedule))

    assert refused.value.meter == meter
