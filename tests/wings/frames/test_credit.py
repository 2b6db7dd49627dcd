"""What grants pay in columns: for each customer what `Bill.of` has them pay, to the last digit."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from datetime import date
from decimal import Decimal
from fractions import Fraction

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import Decimals, engine_of, every_engine
from tests.wings.frames.frame_bills import shown_in
from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    CurrencyMismatch,
    Cycle,
    Discount,
    Fee,
    Grant,
    Period,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
)
from tokenbill.errors import BalanceExhausted, InvalidGrant, InvalidPeriod, UnreadableInput
from tokenbill.frames import draws, totals

few = settings(max_examples=settings.default.max_examples)
PRICES = PriceSchedule(calls="0.015", gpu="2.00")
NOVEMBER = Period("2026-11-01", "2026-12-01")
SHOWN = ("net", "discount", "credit", "tax", "total", "paid", "due")


def of_kind(bill, kind):
    return sum((shown_in(line.exact, 18) for line in bill.lines if line.kind == kind), start=Fraction(0))


def expected(terms, usage, grants, period, at):
    """Totals and draws of one customer, by `Bill.of`; *grants* are rows with what is left of each."""
    every = [Grant(row["id"], row["amount"], row["currency"], **row["more"]) for row in grants]
    drawn = {row["id"]: row["amount"] - row["left"] for row in grants}
    balance = Balance(every, draws=drawn)
    bill = Bill.of(usage, terms, opening=Account(balance=balance), period=period, at=at)
    tax = sum((line.exact for line in bill.lines if line.kind == "tax" and line.exact > 0), start=Fraction(0))
    credit = -of_kind(bill, "credit")
    kinds = {grant.id: (grant.kind, grant.currency.code) for grant in every}
    paid = sum(
        (Fraction(amount) for id, amount in bill.draws if kinds[id] == ("paid", bill.currency)),
        start=Fraction(0),
    )
    net = Fraction(bill.total) - tax + credit
    amounts = (net, -of_kind(bill, "discount"), credit, tax, bill.total, paid, bill.due)
    return amounts, {id: (amount, balance.left(id) - amount) for id, amount in bill.draws if amount}


def columns_of(grants):
    """Grants of customers as columns."""
    rows = [(tenant, row) for tenant, every in grants.items() for row in every]
    cells = {"tenant": [tenant for tenant, _ in rows], "id": [row["id"] for _, row in rows]}
    for name in ("amount", "left"):
        cells[name] = Decimals([row[name] for _, row in rows], 4)
    cells["currency"] = [row["currency"] for _, row in rows]
    for name in ("kind", "priority", "starts", "expires", "on"):
        found = [row["more"].get(name) for _, row in rows]
        if any(cell is not None for cell in found):
            cells[name] = found
    return cells


def asked(name, work, usage, plan, grants, **how):
    engine = engine_of(name)
    frame = engine.frame({"tenant": list(usage), **columns_of_usage(usage)})
    return engine.records(work(frame, plan, "tenant", grants=engine.frame(columns_of(grants)), **how))


def columns_of_usage(usage):
    meters = dict.fromkeys(meter for used in usage.values() for meter in used)
    return {meter: [used.get(meter, 0) for used in usage.values()] for meter in meters}


def check(name, terms, usage, grants, period=None, at=None):
    how = {"period": period, "at": at}
    found = asked(name, totals, usage, terms, grants, **how)
    drawn = asked(name, draws, usage, terms, grants, **how)
    wanted = {
        tenant: expected(terms, Usage(used), grants.get(tenant, []), period, at)
        for tenant, used in usage.items()
    }
    assert {row["tenant"]: tuple(row[key] for key in SHOWN) for row in found} == {
        tenant: amounts for tenant, (amounts, _) in wanted.items()
    }
    assert {(row["tenant"], row["id"]): (row["amount"], row["left"]) for row in drawn} == {
        (tenant, id): parts for tenant, (_, every) in wanted.items() for id, parts in every.items()
    }


def grant(id, amount, left=None, currency="USD", **more):
    amount = Decimal(amount)
    left = amount if left is None else Decimal(left)
    return {"id": id, "amount": amount, "left": left, "currency": currency, "more": more}


USAGE = {"acme": {"calls": 300, "gpu": 5}, "bolt": {"calls": 1, "gpu": 0}, "zoo": {"calls": 77, "gpu": 12}}
GRANTS = {
    "zoo": [
        grant("late", 50, expires="2027-01-01"),
        grant("soon", 5, expires="2026-12-01"),
        grant("gone", 90, expires="2026-11-30"),
        grant("to come", 90, starts="2026-12-01"),
    ],
    "acme": [
        grant("paid", "20.005"),
        grant("gift", 7, "1.50", kind="promotional"),
        grant("first", 3, kind="promotional", priority=-1),
    ],
    "nobody": [grant("paid", 1000)],
}
TAXED = BillingPlan.on_demand(
    PRICES, discounts=[Discount.percent(10)], taxes=[Tax("VAT", 19)], fees=[Fee("2.00", "base")]
)
SCOPED = evolve(TAXED, taxes=[Tax("VAT", 19, on="usage")])


@every_engine
@pytest.mark.parametrize("plan", [TAXED, SCOPED], ids=["sums", "scoped tax"])
def test_grants_pay_what_bill_of_has_them_pay(name, plan):
    check(name, plan, USAGE, GRANTS, period=NOVEMBER)


def test_grants_are_drawn_at_a_moment():
    check("pyarrow", TAXED, USAGE, GRANTS, at=date(2026, 11, 5))
    check("pyarrow", TAXED, USAGE, GRANTS, at=date(2026, 12, 1))


def test_a_grant_with_a_scope_pays_only_what_lies_in_it():
    grants = {**GRANTS, "bolt": [grant("gpu only", 10, on="gpu"), grant("rest", "0.01")]}

    check("pyarrow", TAXED, USAGE, grants, period=NOVEMBER)


def test_plans_that_ask_more_of_a_balance():
    enough = {tenant: [grant("paid", 100)] for tenant in USAGE}
    for plan in (
        evolve(TAXED, overage="owe"),
        evolve(TAXED, overage="refuse"),
        evolve(TAXED, least_due="100"),
        Contract(evolve(TAXED, cycle=Cycle.monthly())),
    ):
        check("pyarrow", plan, USAGE, enough, period=NOVEMBER)
    with pytest.raises(BalanceExhausted):
        asked("pyarrow", totals, USAGE, evolve(TAXED, overage="refuse"), GRANTS, period=NOVEMBER)


def test_all_usage_on_one_bill_has_the_grants_of_one():
    engine = engine_of("pyarrow")
    frame = engine.frame({"calls": [100, 200], "gpu": [1, 2]})
    grants = engine.frame({"id": ["a", "b"], "amount": [5, 10], "currency": ["USD", "USD"]})

    (row,) = engine.records(totals(frame, BillingPlan.on_demand(PRICES), grants=grants))

    assert (row["total"], row["paid"], row["due"]) == (Decimal("10.50"), Decimal("10.50"), 0)
    rows = engine.records(draws(frame, BillingPlan.on_demand(PRICES), grants=grants))
    assert [(row["id"], row["amount"], row["left"]) for row in rows] == [
        ("a", 5, 0),
        ("b", Decimal("5.50"), Decimal("4.50")),
    ]


DISCOUNTS = [Discount.percent(10), Discount.percent("33.3", on="usage"), Discount.fixed("3.335")]
TAXES = [
    [],
    [Tax("VAT", 19)],
    [Tax("local", 7, on="usage")],
    [Tax("GST", "8.25", inclusive=True)],
    [Tax("VAT", 19), Tax("second", 5, after=("VAT",))],
]
ROUNDINGS = [
    Rounding(),
    Rounding(mode="down"),
    Rounding(stage="line"),
    Rounding(step="0.05"),
    Rounding(places=3, stage="line", tax="line"),
]


@st.composite
def customers(draw):
    """A plan of any terms, what three customers use, and their grants."""
    plan = BillingPlan.on_demand(
        PRICES,
        fees=[Fee("2.005", "base")],
        discounts=draw(st.lists(st.sampled_from(DISCOUNTS), max_size=2)),
        taxes=draw(st.sampled_from(TAXES)),
        minimum=draw(st.sampled_from([None, "5"])),
        maximum=draw(st.sampled_from([None, "25.01"])),
        rounding=draw(st.sampled_from(ROUNDINGS)),
    )
    usage = {
        tenant: {"calls": draw(st.integers(1000, 3000)), "gpu": draw(st.integers(0, 9))}
        for tenant in ("red", "blue", "green")
    }
    amounts = st.sampled_from(["0.0050", "1.0000", "7.5050", "20.0000", "400.0000"]).map(Decimal)
    grants = dict[str, list[object]]()
    for tenant in usage:
        rows = grants[tenant] = []
        for id in draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=2, unique=True)):
            amount = draw(amounts)
            left = draw(st.sampled_from([amount, amount / 2 if amount else amount, Decimal(0)]))
            kind = draw(st.sampled_from(["paid", "promotional"]))
            left = left.quantize(Decimal("0.0001"))
            more = {"kind": kind, "priority": draw(st.integers(-1, 1))}
            rows.append(grant(id, amount, left, currency=plan.currency.code, **more))
    return plan, usage, grants


@few
@given(customers())
def test_grants_pay_what_they_pay_of_single_bills(drawn):
    plan, usage, grants = drawn
    check("pyarrow", plan, usage, grants)


def test_grants_that_are_none_are_refused():
    engine = engine_of("pyarrow")
    frame = engine.frame({"tenant": ["a"], "calls": [1]})
    plan = BillingPlan.on_demand(PRICES)
    good = {"tenant": ["a"], "id": ["g"], "amount": [5], "currency": ["USD"]}

    def refused(error, match, **cells):
        grants = engine.frame({key: cell for key, cell in {**good, **cells}.items() if cell})
        with pytest.raises(error, match=match):
            totals(frame, plan, "tenant", grants=grants, meters=["calls"])

    refused(UnreadableInput, "no such column of grants: 'id'", id=[])
    refused(InvalidGrant, "a negative amount", amount=[-5])
    refused(InvalidGrant, "unknown kind", kind=["free"])
    refused(InvalidPeriod, "no moment", expires=["2026-12-01"])
    refused(CurrencyMismatch, "EUR", currency=["EUR"])
    twice = {name: cells * 2 for name, cells in good.items()}
    refused(InvalidGrant, "a grant given twice: 'g'", **twice)
    refused(
        UnreadableInput,
        "1 null in column 'id', the first in: 'row 1 of the grants'",
        **{**twice, "id": ["g", None]},
    )
    with pytest.raises(UnreadableInput, match="not a frame of grants"):
        totals(frame, plan, "tenant", grants=5)
