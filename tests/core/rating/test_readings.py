"""Allowances, fees and limits that are curves of other usage, and allowances that entries share."""

from fractions import Fraction

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Amount,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Discount,
    Fee,
    Flat,
    Grant,
    Limit,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Trial,
    Usage,
    frames,
    serial,
)
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.plans.allowances import Allowance
from tokenbill.core.pricing.of import Of
from tokenbill.errors import InvalidName, InvalidNumber, InvalidPlan, InvalidPrice, InvalidUsage
from tokenbill.focus import rows
from tokenbill.shared.plan_curve import total_curve

JUNE = Period("2026-06-01", "2026-07-01")
MILLION = 1_000_000
TOKENS = PriceSchedule(input_tokens=PerUnit(1, per=MILLION), output_tokens=PerUnit(2, per=MILLION))
POOLED = {("input_tokens", "output_tokens"): MILLION}
STORAGE = PriceSchedule(egress=1, storage=0)
SUPPORT = PerUnit(10, per=100).at_least(29).of(Amount("usage"))
CALLS = PriceSchedule(calls=1, seats=0)

# plan, usage in parts, and the total: the sums are beside them
CASES = {
    # 200,000 of the second
    "pooled": (
        {"prices": TOKENS, "included": POOLED},
        [{"input_tokens": 200_000}, {"output_tokens": 600_000}, {"input_tokens": 400_000}],
        "0.40",
    ),
    # 35 less 3 × 10
    "metered allowance": (
        {"prices": STORAGE, "included": {"egress": PerUnit(3).of("storage")}},
        [{"egress": 20}, {"storage": 10}, {"egress": 15}],
        "5.00",
    ),
    "support, least": (
        {"prices": CALLS, "fees": [Fee(SUPPORT, "support")]},
        [{"calls": 150}, {"calls": 50}],
        "229.00",
    ),
    "support, share": (
        {"prices": CALLS, "fees": [Fee(SUPPORT, "support")]},
        [{"calls": 150}, {}, {"calls": 250}],
        "440.00",
    ),
    # in arrears and unprorated it reads the same
    "support in arrears": (
        {"prices": CALLS, "fees": [Fee(SUPPORT, "support", due="arrears", prorated=False)]},
        [{"calls": 150}, {"calls": 250}],
        "440.00",
    ),
    # 5 × 2 seats at least
    "minimum": (
        {"prices": CALLS, "minimum": PerUnit(5).of("seats")},
        [{"calls": 3}, {"seats": 2}],
        "10.00",
    ),
    # 5 × 2 seats at most of usage, and the fee of 7
    "maximum": (
        {"prices": CALLS, "fees": [Fee(7)], "maximum": Limit(PerUnit(5).of("seats"), on="usage")},
        [{"calls": 30, "seats": 1}, {"seats": 1}],
        "17.00",
    ),
    # 10 % of the first fee and of 40 calls
    "share of all": (
        {
            "prices": CALLS,
            "fees": [Fee(60, "platform"), Fee(PerUnit("0.1").of(Amount(("fee:platform", "usage"))), "care")],
        },
        [{"calls": 40}],
        "110.00",
    ),
    # 50 free calls for a fee of 25, of 70; then a tenth of these 20 and of the fee
    "free calls for a fee": (
        {
            "prices": CALLS,
            "fees": [Fee(25, "platform"), Fee(PerUnit("0.1").of(Amount()), "care")],
            "included": {"calls": PerUnit(2).of(Amount("fee:platform"))},
        },
        [{"calls": 60}, {"calls": 10}],
        None,
    ),
}


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][2]])
@pytest.mark.parametrize("stage", ["bill", "line"])
def test_what_reads_usage_comes_to_the_same_whole_split_amended_and_stored(name, stage):
    terms, parts, total = CASES[name]
    plan = BillingPlan(**terms, cycle=Cycle.monthly(), rounding=Rounding(stage=stage))
    whole = sum((Usage(part) for part in parts), Usage())

    bill = Bill.of(whole, plan, period=JUNE)
    bill.verify()
    assert str(bill.total) == total
    assert sum(line.amount for line in bill.lines) == bill.total == bill.breakdown().total.gross
    assert serial.loads(serial.dumps(bill)).lines == bill.lines
    assert serial.loads(serial.dumps(plan)) == plan
    assert total in bill.explain()

    for terms_now in (plan, Contract(plan).amended("2026-06-16", plan)):
        account, found = Account(), 0
        for i, part in enumerate(parts):
            dated = {f"2026-06-{10 * i + 3:02}": part}
            step = Bill.of(dated, terms_now, opening=account, period=JUNE, final=i == len(parts) - 1)
            step.verify()
            assert sum(line.amount for line in step.lines) == step.total
            account, found = serial.loads(serial.dumps(step.closing)), found + step.total
        assert found == bill.total


def test_a_pool_is_used_up_in_the_order_of_the_lines():
    plan = BillingPlan.on_demand(TOKENS, included=POOLED)
    lines = {
        line.description: line.quantity
        for line in Bill.of(Usage(output_tokens=MILLION, input_tokens=5), plan).lines
        if line.kind == "usage"
    }

    assert lines == {"input_tokens, included": 5, "output_tokens, included": 999_995, "output_tokens": 5}


@pytest.mark.parametrize("covers", [("fee",), ("fee", "usage")])
def test_a_month_that_is_free_owes_no_fee_and_no_minimum_that_read_usage(covers):
    june = Period("2026-06-01", "2026-07-01")
    support = Fee(PerUnit(10, per=100).at_least(29).of(Amount("usage")), "support")
    least = Limit(PerUnit(3).of("calls"), on="usage")
    plan = BillingPlan(
        PriceSchedule(calls=1),
        fees=[support],
        minimum=least,
        cycle=Cycle.monthly(),
        trial=Trial(june, on=covers),
    )

    bill = Bill.of({"2026-06-03": Usage(calls=100)}, plan, period=june)
    # the calls themselves where the trial does not cover them
    assert str(bill.total) == ("0.00" if "usage" in covers else "100.00")
    half = Trial(Period("2026-06-01", "2026-06-16"), on=covers)
    later = Bill.of({"2026-06-20": Usage(calls=100)}, evolve(plan, trial=half), period=june)
    assert str(later.total) == "329.00"  # 3 × 100 and the least of support: what reads usage has no share


def test_groups_of_an_entry_share_a_pool():
    prices = PriceSchedule(a=PerUnit(1).each("region"), b=1)
    plan = BillingPlan.on_demand(prices, included={("a", "b"): 10})

    # 6 and 4 of the groups are free, the rest of the second and all of b is not
    assert str(Bill.of(Usage({"a{region=eu}": 6, "a{region=us}": 7, "b": 2}), plan).total) == "5.00"


def test_a_part_of_a_period_has_a_part_of_a_pool():
    plan = BillingPlan.on_demand(TOKENS, included=POOLED, prorate_included=True, cycle=Cycle.monthly())
    bill = Bill.of(Usage(input_tokens=MILLION), plan, period=Period("2026-06-16", "2026-07-01"))

    assert str(bill.total) == "0.50"


def test_a_pool_begins_anew_where_tiers_do():
    plan = BillingPlan.on_demand(CALLS, included={("calls", "seats"): 10}, cycle=Cycle.monthly())
    contract = Contract(plan).amended("2026-06-16", plan, tiers="restart")
    usage = {"2026-06-03": {"calls": 12}, "2026-06-20": {"calls": 12}}

    assert str(Bill.of(usage, contract, period=JUNE).total) == "4.00"


def test_a_share_that_changes_is_of_what_each_version_charged():
    ten, twenty = (
        BillingPlan.on_demand(
            CALLS, fees=[Fee(PerUnit(share, per=100).of(Amount("usage")), "care")], cycle=Cycle.monthly()
        )
        for share in (10, 20)
    )
    contract = Contract(ten).amended("2026-06-16", twenty)
    usage = {"2026-06-03": {"calls": 100}, "2026-06-20": {"calls": 100}}

    # 200, 10 % of the first hundred, 20 % of both less 20 % of the first
    assert str(Bill.of(usage, contract, period=JUNE).total) == "230.00"


def test_a_fee_that_is_put_off_reads_no_usage_after_it_ends():
    # support of 10 % holds on the 11th by "from_next", and ends with the amendment of the 21st
    share = Fee(PerUnit(10, per=100).of(Amount("usage")), "support")
    prices, cycle = PriceSchedule(calls=1), Cycle.monthly()
    with_share, without = (BillingPlan(prices, fees=fees, cycle=cycle) for fees in ([share], []))
    other = BillingPlan(prices, fees=[Fee(30, "base")], cycle=cycle)
    contract = Contract(with_share).amended("2026-06-11", without, fees="from_next")
    contract = contract.amended("2026-06-21", other)
    used = {"2026-06-05": {"calls": 100}, "2026-06-15": {"calls": 100}, "2026-06-25": {"calls": 100}}

    bill = Bill.of(used, contract, period=JUNE)
    assert str(bill.total) == "330.00"  # 300, a third of 30, and 10 % of 200


def test_a_fee_whose_tax_changes_reads_the_usage_of_each_version():
    # 10 % of 100 is taxed 10 %, and 10 % of 200 is taxed 20 %: 11 + 24, and 300 of calls
    share = Fee(PerUnit(10, per=100).of(Amount("usage")), "support")
    taxed = [
        BillingPlan(
            PriceSchedule(calls=1), fees=[share], cycle=Cycle.monthly(), taxes=[Tax("VAT", p, on="fee")]
        )
        for p in (10, 20)
    ]
    used = {"2026-06-05": {"calls": 100}, "2026-06-20": {"calls": 200}}

    bill = Bill.of(used, Contract(taxed[0]).amended("2026-06-16", taxed[1]), period=JUNE)
    assert str(bill.total) == "335.00"


def test_a_fee_that_a_maximum_holds_from_some_day_on_reads_the_usage_of_each_version():
    # 10 % of 100 is free of it; 10 % of 200 is more than a maximum of 12, of which half a month has 6
    share = Fee(PerUnit(10, per=100).of(Amount("usage")), "support")
    free = BillingPlan(PriceSchedule(calls=1), fees=[share], cycle=Cycle.monthly())
    held = evolve(free, maximum=Limit(12, on="fee"))
    used = {"2026-06-05": {"calls": 100}, "2026-06-20": {"calls": 200}}

    bill = Bill.of(used, Contract(free).amended("2026-06-16", held), period=JUNE)
    bill.verify()
    assert str(bill.total) == "316.00"


def test_a_fee_that_comes_to_read_usage_is_told_apart():
    fixed, read = (
        BillingPlan.on_demand(CALLS, fees=[Fee(amount, "care")], cycle=Cycle.monthly())
        for amount in (30, PerUnit("0.1").of("calls"))
    )
    contract = Contract(fixed).amended("2026-06-16", read)
    usage = {"2026-06-03": {"calls": 100}, "2026-06-20": {"calls": 100}}

    # 200 calls, half of 30, and 0.1 for each call, as a curve begins where it is
    bill = Bill.of(usage, contract, period=JUNE)
    bill.verify()
    assert str(bill.total) == "225.00"
    assert [(line.charge.rule, str(line.amount)) for line in bill.lines[:2]] == [
        ("before it read usage", "15.00"),
        ("every unit at 0.1, for calls", "10.00"),
    ]


def test_minima_that_change_read_what_came_by_then():
    low, high = (
        BillingPlan.on_demand(CALLS, minimum=PerUnit(least).of("seats"), cycle=Cycle.monthly())
        for least in (5, 8)
    )
    contract = Contract(low).amended("2026-06-16", high)
    usage = {"2026-06-03": {"seats": 2}, "2026-06-20": {"seats": 1}}

    assert str(Bill.of(usage, contract, period=JUNE).total) == "18.00"  # 2 × 5, and 3 × 8 − 2 × 8
    mixed = Contract(low).amended(
        "2026-06-16", BillingPlan.on_demand(CALLS, minimum=30, cycle=Cycle.monthly())
    )
    assert str(Bill.of(usage, mixed, period=JUNE).total) == "25.00"  # half of 30, and 2 × 5


def test_usage_without_a_time_is_refused_where_an_allowance_changes():
    small, large = (
        BillingPlan.on_demand(CALLS, included={("calls", "seats"): units}, cycle=Cycle.monthly())
        for units in (10, 20)
    )
    contract = Contract(small).amended("2026-06-16", large)

    with pytest.raises(InvalidUsage, match="without a time"):
        Bill.of(Usage(calls=5), contract, period=JUNE)


def test_discounts_taxes_and_credit_come_after_what_is_read():
    plan = BillingPlan.on_demand(
        CALLS,
        fees=[Fee(SUPPORT, "support")],
        discounts=[Discount.percent(50)],
        taxes=[Tax("VAT", 10, on="fee:support")],
    )
    account = Account(balance=[Grant("g", 10, "USD", on="fee:support")])
    bill = Bill.of(Usage(calls=400), plan, opening=account)

    assert (str(bill.total), str(bill.due)) == ("222.00", "212.00")  # (400 + 40) ÷ 2, and 10 % of 20


@pytest.mark.parametrize(("calls", "exact"), [(1, Fraction(11, 30)), (3, Fraction(11, 10))])
def test_a_share_of_what_never_ends_is_exact(calls, exact):
    # a third for each call, and a tenth of that
    share = Fee(PerUnit(1, per=10).of(Amount("usage")), "care")
    bill = Bill.of(Usage(calls=calls), BillingPlan(PriceSchedule(calls=PerUnit(1, per=3)), fees=[share]))

    assert bill.exact == exact
    bill.verify()


def test_the_steps_along_a_price_begin_after_an_allowance_that_reads_usage():
    # 3 × 10 of egress are free, of 35: 5, or 2 at least
    prices = PriceSchedule(egress=PerUnit(1).at_least(2), storage=0)
    plan = BillingPlan(prices, included={"egress": PerUnit(3).of("storage")})
    whole = Bill.of(Usage(egress=35, storage=10), plan, period=JUNE)
    assert "at 35: 5 beyond the first 30 of 35 = 5" in whole.explain()

    taxed = Contract(plan).amended("2026-06-16", evolve(plan, taxes=[Tax("VAT", 10)]))
    parts = {"2026-06-02": {"egress": 20, "storage": 4}, "2026-06-20": {"egress": 15, "storage": 6}}
    told = Bill.of(parts, taxed, period=JUNE).explain()
    assert "2026-06-16/2026-07-01, at 35: 5 beyond the first 30 of 35 = 5" in told


def test_columns_bill_group_by_group():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"tenant": ["a", "b"], "calls": [30, 500], "seats": [1, 2]})
    for plan in (
        BillingPlan.on_demand(CALLS, fees=[Fee(SUPPORT, "support")]),
        BillingPlan.on_demand(CALLS, included={("calls", "seats"): 100}),
        BillingPlan.on_demand(CALLS, minimum=PerUnit(500).of("seats")),
    ):
        billed = frames.rate(frame, plan, by=["tenant"])
        found = dict(billed.group_by("tenant").agg(polars.col("amount").sum()).iter_rows())
        usages = {"a": Usage(calls=30, seats=1), "b": Usage(calls=500, seats=2)}
        assert found == {tenant: Bill.of(usage, plan).total for tenant, usage in usages.items()}


def test_focus_rows_add_up():
    plan = BillingPlan.on_demand(TOKENS, included=POOLED, fees=[Fee(SUPPORT, "support")])
    bill = Bill.of(Usage(input_tokens=600_000, output_tokens=600_000), plan, period=JUNE)

    billed = rows(bill, issuer="x", account_id="c")
    assert sum(row["BilledCost"] for row in billed) == bill.total


def test_a_curve_of_amounts_cannot_read_usage():
    for terms in ({"fees": [Fee(SUPPORT, "support")]}, {"minimum": PerUnit(5).of("seats")}):
        with pytest.raises(InvalidPlan, match="a term that reads usage, along a curve"):
            total_curve(BillingPlan.on_demand(CALLS, **terms), "calls")


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"fees": [Fee(PerUnit(1).of(Amount("fee")), "a")]}, "fee:a → fee:a"),
        (
            {
                "fees": [
                    Fee(PerUnit(1).of(Amount("fee:b")), "a"),
                    Fee(PerUnit(1).of(Amount("fee:a")), "b"),
                ]
            },
            "fee:a → fee:b → fee:a",
        ),
        (
            {
                "fees": [Fee(SUPPORT, "a")],
                "included": {"calls": PerUnit(1).of(Amount("fee"))},
            },
            "fee:a → calls → fee:a",
        ),
        ({"fees": [Fee(PerUnit(1).of(Amount("calls_")), "a")]}, "did you mean 'calls'"),
        ({"fees": [Fee(PerUnit(1).of(Amount("minimum")), "a")]}, "a curve of what comes after it"),
        ({"included": {("calls", "call"): 5}}, "an allowance for no entry"),
        ({"included": {("calls", "seats"): 5, "calls": 1}}, "given twice"),
        ({"included": {"calls": -1}}, "below zero"),
    ],
    ids=list("abcdefgh"),
)
def test_what_waits_for_itself_or_reads_nothing_is_refused(terms, error):
    with pytest.raises(InvalidPlan, match=error):
        BillingPlan.on_demand(CALLS, **terms)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Fee(PerUnit(1), "seats"), InvalidPlan),
        (lambda: Fee(PerUnit(1).of("a"), "seats", level="b"), InvalidPlan),
        (lambda: Fee("x"), InvalidNumber),
        (lambda: Fee(-1), InvalidPrice),
        (lambda: Fee(1, level=""), InvalidName),
        (lambda: Of(PerUnit(1)), InvalidPrice),
        (lambda: Of(PerUnit(1), of="a", amount_of="usage"), InvalidPrice),
        (lambda: Of(5, of="a"), InvalidPrice),
        (lambda: PerUnit(1).of("a\n"), InvalidName),
    ],
    ids=list("abcdefghi"),
)
def test_a_curve_of_other_parts_is_refused(make, error):
    with pytest.raises(error):
        make()


def test_what_a_curve_reads_is_given_by_name():
    with pytest.raises(TypeError):
        Of(PerUnit(1), "seats")
    with pytest.raises(TypeError):
        Of(PerUnit(1), of="seats", amount_of="usage", more="seats")


def test_curves_say_what_they_read():
    assert SUPPORT.name == "the amount of usage"
    assert Flat(3).of("seats").in_words().endswith(", for seats")
    assert Amount().on == ("fee", "usage")
    plan = BillingPlan.on_demand(
        CALLS,
        included={
            ("calls", "seats"): 5,
        },
        minimum=PerUnit(5).of("seats"),
    )
    assert "5 free units" in plan._repr_html_()
    assert BillingPlan.on_demand(CALLS, included=[Allowance(5, "calls")]).included == (("calls", 5),)


def test_amounts_that_wait_for_each_other_through_an_amendment_are_refused():
    prices = PriceSchedule(a=1, b=1)
    one, other = (
        BillingPlan.on_demand(prices, included={key: PerUnit(1).of(Amount(read))}, cycle=Cycle.monthly())
        for key, read in (("a", "b"), ("b", "a"))
    )
    contract = Contract(one).amended("2026-06-16", other)

    with pytest.raises(InvalidPlan, match=r"amounts that wait for each other.*usage:a → usage:b"):
        Bill.of({"2026-06-03": {"a": 5, "b": 5}}, contract, period=JUNE)


def test_an_amount_in_tokens_is_none():
    prices = PriceSchedule(currency=Currency("TOKEN", places=0), calls=1)

    with pytest.raises(InvalidPlan, match="a curve of an amount in tokens"):
        BillingPlan.on_demand(
            prices, currency="USD", token_price=PerUnit(1), fees=[Fee(PerUnit(1).of(Amount("usage")), "care")]
        )


def test_a_level_may_be_called_what_no_meter_is():
    plan = BillingPlan.on_demand(CALLS, minimum=PerUnit(5).of("GPU racks"))

    assert plan.levels == {"GPU racks"}
    assert str(Bill.of(Usage(), plan, levels={"GPU racks": 2}).total) == "10.00"


def test_an_allowance_by_level_may_end_with_an_amendment():
    plan = BillingPlan.on_demand(CALLS, included={"calls": PerUnit(10).of("racks")}, cycle=Cycle.monthly())
    bare = BillingPlan.on_demand(CALLS, minimum=PerUnit(1).of("racks"), cycle=Cycle.monthly())
    contract = Contract(plan).amended("2026-06-16", bare)
    usage = {"2026-06-03": {"calls": 15}, "2026-06-20": {"calls": 15}}

    # 10 of the first 15 are free; from the middle on all 30 are charged, less the 15 of before
    assert str(Bill.of(usage, contract, period=JUNE, levels={"racks": 1}).total) == "20.00"


def test_fees_are_read_by_what_they_are_on():
    fees = [Fee(10, "a"), Fee(20, "b"), Fee(PerUnit("0.5").of(Amount("fee:b")), "care")]

    assert str(Bill.of(Usage(), BillingPlan.on_demand(CALLS, fees=fees)).total) == "40.00"
