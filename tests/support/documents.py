"""What the laws of documents quantify over: values of every kind, and the bills of lives at random."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import reduce

from attrs import field, frozen
from hypothesis import strategies as st

from tests.oracle.simulator import Run
from tests.oracle.stories import Story
from tests.support.strategies import (
    OwnListedSchedule,
    OwnSchedule,
    Saturating,
    Squared,
    Started,
    common,
    currencies,
    entries,
    long_decimals,
    on_demand_plans,
    one,
    prices,
    quantities,
    roundings,
    schedules,
    usages,
    usages_of,
)
from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Discount,
    Fee,
    Flat,
    Grant,
    Period,
    Price,
    PriceBook,
    Tax,
    Tier,
)
from tokenbill.serial import register

for own in (OwnListedSchedule, OwnSchedule, Saturating, Squared, Started):
    register(own)


@register
@frozen
class Window:
    """A user's value of every kind of field that documents hold."""

    day: date
    at: datetime
    share: Fraction
    worth: Decimal | Fraction
    count: int
    note: str = ""
    is_open: bool = True
    most: Decimal | None = None
    tags: tuple[str, ...] = ()
    amounts: tuple[tuple[str, Decimal], ...] = ()
    prices: tuple[Price, ...] = ()
    period: Period | None = None
    hidden: int = field(default=7, init=False)


# ---------------------------------------------------------------- parts of plans

names = st.sampled_from(["base", "Grundgebühr × 2", "客户", '"quoted" \\ = .', "a.b[0]"])
scopes = st.one_of(st.none(), st.sampled_from(["usage", "fee", "a{x=1}", ("fee", "gpu_hours")]))
percents = st.decimals(0, 100, places=4)
zones = st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Apia"])
walls = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1))
anchors = st.integers(1, 31) | walls | walls.map(datetime.date)
days = st.dates(date(1971, 1, 1), date(2100, 1, 1))
offsets = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=3))])
instants = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=offsets)
cycles = st.builds(
    Cycle, st.sampled_from(["day", "week", "month", "quarter", "year"]), anchors, st.integers(1, 1000), zones
)
lengths = st.timedeltas(timedelta(0), timedelta(days=800))
periods = st.one_of(
    st.builds(lambda start, length: Period(start, start + length), days, lengths),
    st.builds(lambda start, length: Period(start, start + length), instants, lengths),
    st.builds(lambda cycle, k: cycle.period(k), cycles.filter(lambda it: it.every < 20), st.integers(0, 9)),
)
fees = st.builds(Fee, common, names, st.sampled_from(["advance", "arrears"]), st.booleans())
discounts = st.builds(Discount, percents, st.sampled_from(["percent", "fixed"]), names, scopes)
taxes = st.builds(Tax, names, percents, st.booleans(), scopes)


@st.composite
def plans(draw):
    """Every plan: on demand, or with any of the terms that there are."""
    if draw(st.booleans()):
        return draw(on_demand_plans())
    schedule = draw(schedules())
    is_token = schedule.currency.code == "TOKEN"
    cycle = draw(st.none() | cycles)
    included = draw(st.dictionaries(st.sampled_from(schedule.entries).map(lambda it: it.key), quantities))
    least, most = sorted([draw(common), draw(common)])
    there = {"usage", "fee", *(entry.key for entry in schedule.entries)}

    def of_charges(terms):
        """Those of some terms that are on what there is: others are refused."""
        return [term for term in draw(st.lists(terms, max_size=2)) if there.issuperset(term.on or ())]

    return BillingPlan(
        schedule,
        name=draw(names | st.just("")),
        fees=draw(st.lists(fees, max_size=2)),
        included=included,
        prorate_included=draw(st.booleans()),
        discounts=of_charges(discounts),
        minimum=draw(st.none() | st.just(least)),
        maximum=draw(st.none() | st.just(most)),
        taxes=of_charges(taxes),
        rounding=draw(roundings),
        currency=draw(st.sampled_from(["EUR", "JPY"])) if is_token else None,
        token_price=draw(prices) if is_token else None,
        cycle=cycle,
        proration=draw(st.sampled_from(["day", "second"])),
        trial=draw(st.none() | periods | (st.integers(0, 3660) if cycle else st.none())),
        overage=draw(st.sampled_from(["bill", "refuse"])),
    )


@st.composite
def grants(draw, key):
    times = draw(st.sampled_from([days, days, instants]))
    starts, expires = sorted([draw(times), draw(times)]) if key % 2 else [None, None]
    return Grant(
        draw(st.sampled_from(["grant", "贈", "."])) + str(key),
        draw(common | long_decimals),
        draw(currencies),
        starts,
        None if starts == expires else expires,
        draw(st.integers(-(10**29), 10**29) | st.integers(-3, 3)),
        draw(st.sampled_from(["paid", "promotional"])),
        draw(scopes),
        draw(st.sampled_from([None, ("0", None), ("0.50", "7"), (0, 0)])),
        draw(st.none() | times) if key % 2 else None,
    )


@st.composite
def balances(draw):
    found = [draw(grants(2 * key)) for key in range(draw(st.integers(0, 3)))]
    found += [draw(grants(1))] if draw(st.booleans()) else []
    order = draw(st.sampled_from([("priority", "expires", "starts", "id"), ("larger", "id"), ("id",)]))
    drawn = {grant.id: grant.amount for grant in found if draw(st.booleans())}
    return Balance(found, order, draws=drawn, rolled_over={grant.id: "0.10" for grant in found})


@st.composite
def accounts(draw):
    """Accounts of open periods and of none; what their grants drew in the period is no more than in all."""
    balance = draw(balances())
    charges = st.sampled_from(["", "usage:a", "usage:gpu > gpu{m=x}", "fee:seat #2"])
    drawn = {id: {draw(charges): amount} for id, amount in balance.draws if draw(st.booleans())}
    return Account(
        draw(st.none() | periods),
        draw(st.none() | st.text("0123456789abcdef", min_size=64, max_size=64)),
        draw(usages),
        draw(common),
        drawn | draw(st.sampled_from([{}, {"": {"usage:a": "0.10"}}])),
        balance,
        draw(common | common.map(lambda amount: -amount)),
        draw(st.none() | currencies),
        draw(st.sampled_from([(), ("a", "b{x=y}")])),
    )


books = st.dictionaries(days, schedules(), min_size=1, max_size=3).map(lambda it: PriceBook(it.items()))
curious = st.sampled_from(
    ["1E+5", "-0", "0.00", "1.0E-29", "1E+29", "0E-30", "100.00", "-1E-7", "123E+2"]
).map(Decimal)
windows = st.builds(
    Window,
    days,
    st.one_of(instants, walls),
    st.fractions(),
    st.fractions() | curious,
    st.integers() | st.integers(-(10**300), 10**300) | st.booleans().map(int),
    note=names,
    is_open=st.booleans(),
    most=st.none() | curious,
    tags=st.lists(names).map(tuple),
    amounts=st.dictionaries(names, curious).map(lambda it: tuple(sorted(it.items()))),
    prices=st.lists(prices, max_size=2).map(tuple),
    period=st.none() | periods,
)
units = st.builds(Currency, st.sampled_from(["TOKEN", "credits", "x-1"]), st.integers(0, 30))
tiers = st.builds(Tier, st.none() | curious.filter(lambda it: it > 0), common, common, st.none() | st.just(7))
odd_prices = st.builds(Flat, curious.map(abs)) | st.builds(
    lambda price, count: reduce(lambda it, _: it * "0.9", range(count), price), prices, st.integers(0, 20)
)


# ---------------------------------------------------------------- bills


@st.composite
def simple_bills(draw):
    """A bill of a plan on demand, the prices of users among them."""
    plan = draw(on_demand_plans())
    first = Bill.of(draw(usages_of(plan.prices)), plan, final=draw(st.booleans()))
    about = draw(st.dictionaries(st.sampled_from(["customer", "number", "reason"]), names))
    opening = Account() if first.final else first.closing
    return Bill.of(draw(usages_of(plan.prices)), plan, opening=opening, about=about)


class Recorded(Run):
    """A customer's life, all bills of which are kept."""

    def __init__(self, story):
        super().__init__(story)
        self.bills = []

    def bill(self, *args, **more):
        bill, state = super().bill(*args, **more)
        self.bills += [bill] if bill else []
        return bill, state


def bills_of_a_life(seed):
    """The bills of a story: on demand, prepaid, subscribed, corrected, with credit or without."""
    life = Recorded(Story(seed).told())
    life.lived()
    return life.bills


everything = one(
    st.one_of(
        one(plans()), one(schedules()), one(prices), one(entries()), one(usages), one(accounts()), one(books)
    )
)
small = st.one_of(
    *map(one, (windows, units, tiers, odd_prices, cycles, periods, fees, discounts, taxes, roundings))
)
values = st.one_of(everything, everything, one(small), one(balances()), one(simple_bills()))
"""A value of any kind that documents know."""
