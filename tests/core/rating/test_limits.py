"""Limits with a scope: what some charges come to at most or at least, each on what the one before left."""

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Discount,
    Fee,
    Grant,
    Limit,
    Period,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    frames,
    serial,
)
from tokenbill.core.periods.cycle import Cycle
from tokenbill.errors import InvalidMeter, InvalidNumber, InvalidPlan, InvalidPrice

PRICES = PriceSchedule(u=1)
SPOT = PriceSchedule({"spot_hours{time=day}": "1.20", "spot_hours{time=night}": "0.70", "api_calls": "0.01"})
MARCH = Period("2026-03-01", "2026-04-01")
LATE = Period("2026-03-16", "2026-04-01")
JUNE = Period("2026-06-01", "2026-07-01")


def amounts(bill):
    return {line.description: str(line.amount) for line in bill.lines}


def split(plan, parts, **terms):
    """The totals of a period in parts, and of one bill of it."""
    account, total = Account(), 0
    for i, part in enumerate(parts):
        bill = Bill.of(Usage(part), plan, opening=account, final=i == len(parts) - 1, **terms)
        bill.verify()
        account, total = bill.closing, total + bill.total
    return total


# terms, usage, period, total and the fee: the sums are beside them
CASES = [
    # 51.612… + 5
    ({"maximum": Limit(5, on="usage", prorated=False)}, {"u": 33}, LATE, "56.61", 100),
    # 50 + 20, and 25 + 20 for fifteen of thirty days
    ({"maximum": Limit(20, on="usage", prorated=False)}, {"u": 33}, JUNE, "70.00", 50),
    (
        {"maximum": Limit(20, on="usage", prorated=False)},
        {"u": 33},
        Period("2026-06-16", "2026-07-01"),
        "45.00",
        50,
    ),
    # 25 + 40
    ({"minimum": Limit(40, on="usage")}, {"u": 12}, JUNE, "65.00", 25),
    # 12.50 + 20 of half a month, 12.50 + 40 where the minimum is whole
    (
        {"minimum": Limit(40, on="usage")},
        {"u": 12},
        Period("2026-06-16", "2026-07-01"),
        "32.50",
        25,
    ),
    (
        {"minimum": Limit(40, on="usage", prorated=False)},
        {"u": 12},
        Period("2026-06-16", "2026-07-01"),
        "52.50",
        25,
    ),
    # usage held to 20, all to 30
    ({"maximum": [Limit(20, on="usage"), 30]}, {"u": 33}, JUNE, "30.00", 25),
    # usage lifted to 40, all to 80
    ({"minimum": [Limit(40, on="u"), 80]}, {"u": 12}, JUNE, "80.00", 25),
    # all lifted to 80 first, the true-up of it is no usage: 25 + 12 + 43, then 28 more
    ({"minimum": [80, Limit(40, on="u")]}, {"u": 12}, JUNE, "108.00", 25),
]


@pytest.mark.parametrize(("terms", "usage", "period", "total", "fee"), CASES)
@pytest.mark.parametrize("stage", ["bill", "line"])
def test_limits_come_to_the_sums_of_a_clerk(terms, usage, period, total, fee, stage):
    plan = BillingPlan.subscription(fee, PRICES, rounding=Rounding(stage=stage), **terms)
    bill = Bill.of(Usage(usage), plan, period=period)
    bill.verify()
    assert str(bill.total) == total
    assert sum(line.amount for line in bill.lines) == bill.total

    # in parts, amended by an equal plan, stored
    assert str(split(plan, [{"u": 5}, {}, {"u": usage["u"] - 5}], period=period)) == total
    middle = period.start.replace(day=period.start.day + 7)
    amended = Contract(plan).amended(middle, plan)
    assert str(split(amended, [{"u": 5}, {"u": usage["u"] - 5}], period=period)) == total
    again = serial.loads(serial.dumps(plan))
    assert again == plan
    assert serial.loads(serial.dumps(bill)).lines == bill.lines


def test_one_cap_holds_for_several_entries():
    plan = BillingPlan.on_demand(SPOT, maximum=Limit(500, on="spot_hours"))
    usage = Usage({"spot_hours{time=day}": "312.5", "spot_hours{time=night}": 300, "api_calls": 100})

    bill = Bill.of(usage, plan)
    assert str(bill.total) == "501.00"  # 375 + 210 held to 500, and 1
    assert amounts(bill)["maximum of spot_hours"] == "-85.00"


def test_a_true_up_is_taxed_like_its_scope():
    def total(on, **terms):
        plan = BillingPlan.subscription(
            25, PRICES, minimum=Limit(40, on="usage"), taxes=[Tax("VAT", 10, on=on)], **terms
        )
        return str(Bill.of(Usage(u=12), plan).total)

    assert total("usage") == "69.00"  # 65 + 4
    assert total("minimum") == "67.80"  # 65 + 2.80
    assert total("fee") == "67.50"
    assert total(None) == "71.50"


def test_a_minimum_of_one_fee():
    plan = BillingPlan.subscription(
        Fee(10, "storage"),
        PRICES,
        discounts=[Discount.percent(50)],
        minimum=Limit(8, on="fee:storage"),
        taxes=[Tax("VAT", 10, on="fee")],
    )
    assert str(Bill.of(Usage(u=12), plan).total) == "14.80"  # 5 + 3 + 6, and 10 % of 8


def test_credit_on_usage_pays_the_true_up_of_usage():
    plan = BillingPlan.subscription(25, PRICES, minimum=Limit(40, on="usage"))
    account = Account(balance=[Grant("g", 100, "USD", on="usage")])

    bill = Bill.of(Usage(u=12), plan, opening=account)
    assert (str(bill.due), str(bill.closing.balance.left("g"))) == ("25.00", "60.00")


def test_limits_change_with_the_contract():
    low, high = (
        BillingPlan.on_demand(PRICES, maximum=Limit(most, on="usage"), cycle=Cycle.monthly())
        for most in (30, 60)
    )
    contract = Contract(low).amended("2026-06-16", high)
    usage = {"2026-06-05": {"u": 40}, "2026-06-20": {"u": 40}}

    assert str(Bill.of(usage, contract, period=JUNE).total) == "45.00"  # 15 + 30


def test_a_maximum_that_begins_later_holds_what_comes_later():
    free, capped = (
        BillingPlan.on_demand(PRICES, maximum=most, cycle=Cycle.monthly())
        for most in (None, Limit(10, on="u", prorated=False))
    )
    contract = Contract(free).amended("2026-06-16", capped)
    usage = {"2026-06-05": {"u": 100}, "2026-06-20": {"u": 100}}

    assert str(Bill.of(usage, contract, period=JUNE).total) == "110.00"


def test_a_month_that_is_free_owes_no_minimum():
    plan = BillingPlan.subscription(
        60, PRICES, minimum=Limit(40, on="usage", prorated=False), trial=JUNE, cycle=Cycle.monthly()
    )
    assert str(Bill.of(Usage(u=12), plan, period=JUNE).total) == "12.00"


def test_columns_hold_the_same_limits():
    polars = pytest.importorskip("polars")
    plan = BillingPlan.subscription(
        5,
        PriceSchedule(day="1.20", night="0.70", calls="0.01"),
        maximum=[Limit(50, on=("day", "night")), 70],
        minimum=[Limit(20, on=("day", "night")), Limit(2, on="calls"), 40],
        taxes=[Tax("VAT", 10, on="usage")],
    )
    columns = {"day": [1, 10, 90], "night": [2, 40, 0], "calls": [1, 900, 9000]}
    rows = polars.DataFrame({"tenant": list("abc"), **columns})
    billed = frames.rate(rows, plan, by=["tenant"])
    found = dict(billed.group_by("tenant").agg(polars.col("amount").sum()).iter_rows())
    usages = [
        dict(zip(columns, quantities, strict=True)) for quantities in zip(*columns.values(), strict=True)
    ]
    totals = [Bill.of(Usage(usage), plan).total for usage in usages]
    assert found == dict(zip("abc", totals, strict=True))
    # a: 2.60 lifted to 20, 0.01 to 2, and 5 to 40, 2.20 of tax; b: 40 + 9 + 5 and 4.90; c: held to 50, to 70
    assert list(map(str, totals))[:2] == ["42.20", "58.90"]


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"maximum": 10, "minimum": 20}, "a maximum below the minimum"),
        ({"maximum": Limit(10, on="u"), "minimum": Limit(20, on="u")}, "a maximum of u below the minimum"),
        ({"maximum": [5, Limit(30, on="u")], "minimum": [Limit(20, on="u"), 10]}, "a maximum below"),
        ({"maximum": Limit(10, on="w")}, "a maximum on nothing that is charged"),
        ({"minimum": Limit(10, on="fees")}, "a minimum on nothing that is charged"),
        (
            {"minimum": Limit(10, on=("fee", "usage")), "taxes": [Tax("VAT", 10, on="fee")]},
            "a minimum that a tax holds in part",
        ),
    ],
    ids=str,
)
def test_limits_that_contradict_are_refused(terms, error):
    with pytest.raises(InvalidPlan, match=error):
        BillingPlan.subscription(5, PRICES, **terms)


def test_other_scopes_contradict_nothing():
    plan = BillingPlan.subscription(5, PRICES, maximum=Limit(10, on="u"), minimum=20)

    assert str(Bill.of(Usage(u=30), plan).total) == "20.00"


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"amount": -1}, InvalidPrice),
        ({"amount": 0.5}, InvalidNumber),
        ({"amount": 1, "on": []}, InvalidMeter),
        ({"amount": 1, "prorated": 1}, InvalidPrice),
    ],
    ids=str,
)
def test_a_limit_of_other_parts_is_refused(parts, error):
    with pytest.raises(error):
        Limit(**parts)


def test_a_plan_takes_an_amount_a_limit_or_several():
    def minimum(value):
        return BillingPlan.on_demand(PRICES, minimum=value).minimum

    assert minimum("50") == minimum(Limit(50)) == minimum([Limit(50)]) == 50
    assert minimum(None) is minimum([]) is None
    assert minimum([50, Limit(5, on="u")]) == (Limit(50), Limit(5, on="u"))
    assert serial.loads(serial.dumps(BillingPlan.on_demand(PRICES, minimum=Limit(5, on="u")))).minimum == (
        Limit(5, on="u"),
    )
