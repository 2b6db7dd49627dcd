"""FOCUS from frames: the rows of a frame are those of its bills, and the days of a charge add up to it."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from importlib import import_module

from attrs import evolve

from tests.support.engines import engine_of, every_engine
from tests.wings.frames import agreement
from tokenbill import (
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
    focus,
)
from tokenbill.errors import (
    InvalidName,
    InvalidPlan,
    InvalidPrice,
    TokenbillError,
    UnpricedUsage,
    UnreadableInput,
)
from tokenbill.frames import focus_rows

OCTOBER = Period("2026-10-01", "2026-11-01")
PERIODS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
NUMBERS = [column for column in focus.COLUMNS if column.endswith(("Cost", "Price", "Quantity"))]
ADDED = [column for column in NUMBERS if not column.endswith("Price")]
TIERS = Graduated([Tier(100, "0.10"), Tier(None, "0.08")])
PRICES = PriceSchedule({"calls": TIERS, "gpu_hours": "2.50", "files": Package(10, "0.07")})
CREDITS = Currency("CRD", places=0)
EVERYTHING = BillingPlan.subscription(
    "99",
    PRICES,
    included={"gpu_hours": 3},
    discounts=[Discount.percent("33.3"), Discount.fixed(4, on="usage")],
    minimum=60,
    taxes=[Tax("VAT", 20), Tax("city", "8.875", on="usage")],
)
PLANS = {
    "on demand": BillingPlan.on_demand(PRICES),
    "everything": EVERYTHING,
    "a minimum that is not reached": BillingPlan.on_demand(
        PRICES, minimum=500, taxes=[Tax("VAT", 19), Tax("levy", 3, on="minimum")]
    ),
    "a maximum": BillingPlan.on_demand(PRICES, maximum="3.33", taxes=[Tax("VAT", 19, True)]),
    "rounding by line": BillingPlan.on_demand(
        PRICES, rounding=Rounding(None, "half_up", "line"), taxes=[Tax("VAT", 19)]
    ),
    "free": BillingPlan.on_demand(PRICES, discounts=[Discount.percent(100)]),
    "fees, percentages and taxes of scopes": BillingPlan(
        PRICES,
        fees=[Fee(9, "base"), Fee("1.50", "support", due="arrears")],
        discounts=[Discount.percent(25, on="usage"), Discount.percent(10, on=["fee:base"])],
        taxes=[Tax("VAT", 20, True), Tax("city", "8.875", on="usage"), Tax("city", 3, on=["fee"])],
        cycle=Cycle.monthly(),
    ),
    "what costs something though nothing is used": BillingPlan.on_demand(
        PriceSchedule(
            {
                "calls": Graduated([Tier(100, "0.10", fee=2), Tier(None, "0.08")], fee_at_zero=True),
                "gpu_hours": PerUnit("0.7", per=1000),
                "files": 0,
            }
        ),
        taxes=[Tax("VAT", 20)],
    ),
    "tokens": BillingPlan(
        PriceSchedule({"calls": 3, "gpu_hours": 40, "files": 1}, currency=CREDITS),
        currency="USD",
        token_price=PerUnit("0.0125"),
        fees=[Fee(5)],
    ),
}
EVENTS = {
    "tenant": ["acme", "acme", "zoo", "acme", "zoo", "ant"],
    "calls": [120, 13, 7, 300, 0, 0],
    "gpu_hours": [1, 1, 2, 5, 0, 0],
    "files": [3, 4, 21, 0, 11, 0],
}
DAYS = [1, 1, 2, 5, 31, 7]


def records(name, columns, plan, **named):
    """Rows of FOCUS of a frame on an engine, with texts of instants as a list of rows has them."""
    engine = engine_of(name)
    return with_texts(engine.records(focus_rows(engine.frame(columns), plan, issuer="me", **named)))


def with_texts(rows):
    for row in rows:
        for column in PERIODS:
            if row[column] is not None:
                row[column] = row[column].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return rows


def rows_of_bills(usages, plan, period, **named):
    return [
        row
        for tenant, usage in usages.items()
        for row in focus.rows(
            Bill.of(usage, plan, period=period, about={"customer": tenant}), issuer="me", **named
        )
    ]


def by_account(rows):
    """Rows of each account, in their order."""
    found = defaultdict(list)
    for row in rows:
        found[row["BillingAccountId"]].append(row)
    return dict(found)


def summed(rows):
    """Numbers of rows added up over days: by all else but the charge period."""
    sums = defaultdict(lambda: [Fraction(0)] * len(ADDED))
    for row in rows:
        key = tuple(row[column] for column in focus.COLUMNS if column not in (*ADDED, *PERIODS[2:]))
        sums[key] = [one + Fraction(row[column] or 0) for one, column in zip(sums[key], ADDED, strict=True)]
    return dict(sums)


def usages_of(columns):
    used = defaultdict(lambda: defaultdict(int))
    for place, tenant in enumerate(columns["tenant"]):
        for meter in ("calls", "gpu_hours", "files"):
            used[tenant][meter] += columns[meter][place]
    return {tenant: Usage(quantities) for tenant, quantities in used.items()}


@pytest.mark.parametrize("terms", PLANS)
def test_the_rows_of_a_frame_are_those_of_its_bills(terms):
    plan = PLANS[terms]
    expected = rows_of_bills(usages_of(EVENTS), plan, OCTOBER)

    for name in ("polars", "pyarrow"):
        assert by_account(records(name, EVENTS, plan, by="tenant", period=OCTOBER)) == by_account(expected)


IN_COLUMNS = [name for name in PLANS if name != "tokens"]


@pytest.fixture
def no_bills(monkeypatch):
    """Refuse to cost a bill by itself, and settle two bills at once."""

    def refused(*_):
        raise AssertionError("a bill was costed by itself")

    monkeypatch.setattr("tokenbill.frames.focus_columns.one_by_one", refused)
    monkeypatch.setattr("tokenbill.frames.focus_columns.BLOCK", 2)


@pytest.mark.parametrize("terms", IN_COLUMNS)
@pytest.mark.usefixtures("no_bills")
def test_no_bill_is_made_where_arrays_settle_single_charges(terms):
    found = records("polars", EVENTS, PLANS[terms], by="tenant", period=OCTOBER)

    assert by_account(found) == by_account(rows_of_bills(usages_of(EVENTS), PLANS[terms], OCTOBER))


@pytest.mark.parametrize("fee", [None, "pro", "support", ""])
@pytest.mark.usefixtures("no_bills")
def test_the_fee_that_is_named_moves_to_what_it_covers_in_columns(fee):
    plan = BillingPlan(
        PriceSchedule({"calls": TIERS, "gpu_hours": "2.50", "files{kind=pdf}": 1, "files": "0.07"}),
        fees=[
            Fee(5, "licence", cycle=Cycle.monthly()),
            Fee(7, "support"),
            Fee(90, "pro"),
            Fee(3, "pro", due="arrears"),
        ],
        included={"calls": 150, "gpu_hours": 4, "files{kind=pdf}": 2},
        discounts=[Discount.fixed(31), Discount.percent(30, on=["fee:pro"])],
        maximum=95,
        taxes=[Tax("VAT", 20)],
        cycle=Cycle.monthly(),
    )
    expected = rows_of_bills(usages_of(EVENTS), plan, OCTOBER, allowance_fee=fee)

    rows = records("polars", EVENTS, plan, by="tenant", period=OCTOBER, allowance_fee=fee, scale=24)

    assert by_account(rows) == by_account(expected)
    assert ("calls, unused" in {row["ChargeDescription"] for row in rows}) is (fee != "")


@pytest.mark.parametrize("terms", ["on demand", "everything"])
@pytest.mark.usefixtures("no_bills")
def test_list_prices_are_read_in_columns(terms):
    listed = Graduated([Tier(100, "0.12"), Tier(None, "0.09")])
    public = PriceSchedule({"calls": listed, "gpu_hours": 3, "files": Package(10, "0.09"), "images": 1})
    how = {"list_prices": public}

    rows = records("polars", EVENTS, PLANS[terms], by="tenant", period=OCTOBER, scale=24, **how)

    expected = rows_of_bills(usages_of(EVENTS), PLANS[terms], OCTOBER, **how)
    assert by_account(rows) == by_account(expected)
    assert {row["ListUnitPrice"] for row in rows} >= {Decimal("0.12"), Decimal("0.09"), 3}


def test_entries_that_share_a_list_price_are_listed_by_what_was_used_of_both():
    # 8 files alone are in the first tier at list prices, and with the 12 of the other kind in the second
    tiers = Volume([Tier(10, 2), Tier(None, 1)])
    plan = BillingPlan.on_demand(PriceSchedule({"files": tiers, "files{kind=pdf}": tiers}))
    usage = {"files": 8, "files{kind=pdf}": 12}
    columns = {"tenant": ["a", "a"], "kind": ["", "pdf"], "files": [8, 12]}
    how = {"list_prices": PriceSchedule(files=Volume([Tier(10, 3), Tier(None, 4)]))}

    rows = records("polars", columns, plan, by="tenant", labels=["kind"], period=OCTOBER, **how)

    assert by_account(rows) == by_account(rows_of_bills({"a": usage}, plan, OCTOBER, **how))


def test_a_list_price_that_is_missing_is_refused_where_it_is_used():
    how = {"by": "tenant", "period": OCTOBER, "list_prices": PriceSchedule(calls=1, gpu_hours=1)}
    unused = {**EVENTS, "files": [0] * 6}

    assert records("polars", unused, PLANS["on demand"], **how)
    with pytest.raises(UnpricedUsage):
        records("polars", EVENTS, PLANS["on demand"], **how)


def test_a_fee_that_no_plan_has_is_refused_in_frames():
    for plan in (EVERYTHING, BillingPlan(PRICES, fees=[Fee(1, "base")])):
        with pytest.raises(InvalidPlan, match="not a fee of the plan"):
            records("polars", EVENTS, plan, by="tenant", period=OCTOBER, allowance_fee="pro")


def test_groups_of_an_entry_that_a_fee_covers_have_an_allowance_each():
    plan = BillingPlan.subscription(
        9, PriceSchedule(calls=PerUnit(1).each("region")), included={"calls": 10}, taxes=[Tax("VAT", 20)]
    )
    columns = {"tenant": ["a", "a", "b"], "region": ["eu", "us", "eu"], "calls": [12, 4, 3]}

    rows = records("polars", columns, plan, by="tenant", labels=["region"], period=OCTOBER)

    usages = {"a": {"calls{region=eu}": 12, "calls{region=us}": 4}, "b": {"calls{region=eu}": 3}}
    assert by_account(rows) == by_account(rows_of_bills(usages, plan, OCTOBER))


@pytest.mark.usefixtures("no_bills")
def test_amounts_that_never_end_come_to_the_total_with_and_without_a_rounding():
    # three thirds are 1.00, and the last of them takes the digit that three times 0.333… lack
    plan = BillingPlan.on_demand(
        PriceSchedule(dict.fromkeys(("calls", "gpu_hours", "files"), PerUnit(1, per=3)))
    )
    columns = {"tenant": ["a", "b", "c"], "calls": [1, 1, 3], "gpu_hours": [1, 1, 0], "files": [1, 0, 0]}

    found = by_account(records("polars", columns, plan, by="tenant", period=OCTOBER))

    assert found == by_account(rows_of_bills(usages_of(columns), plan, OCTOBER))
    assert [len(found[tenant]) for tenant in "abc"] == [3, 3, 1]  # of b one is the rounding
    assert [sum(row["BilledCost"] for row in found[tenant]) for tenant in "abc"] == [1, Decimal("0.67"), 1]


@pytest.mark.usefixtures("no_bills")
def test_a_digit_that_no_charge_of_its_own_can_take_is_a_rounding():
    # three fees of 1 are held to 1.00, and all of them are with the units that they cover
    plan = BillingPlan(PRICES, fees=[Fee(1, "pro")] * 3, included={"calls": 500}, maximum=1)
    columns = {"tenant": ["a", "b"], "calls": [9, 0], "gpu_hours": [0, 0], "files": [0, 0]}

    found = by_account(records("polars", columns, plan, by="tenant", period=OCTOBER, scale=24))

    assert found == by_account(rows_of_bills(usages_of(columns), plan, OCTOBER))
    assert found["b"][-1]["BilledCost"] == Decimal("1e-18")


DRAWN = {
    "apart": (401, 427, 437),
    "covered by a fee": (436, 444, 485),
    "spread over charges": (400, 402),
    "spread and covered": (407, 409, 410),
    "rounded by line": (2002, 2003, 2004),
    "rounded by line and covered": (2000, 2007, 2023),
}


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.usefixtures("no_bills")
def test_the_rows_of_generated_plans_are_those_of_their_bills_in_columns(kind):
    stage = "line" if "line" in kind else "bill"
    for seed in DRAWN[kind]:
        plan, period, usages = agreement.drawn(seed, tenants=3)
        tax = plan.rounding.tax if stage == "line" else "total"
        plan = evolve(plan, rounding=evolve(plan.rounding, stage=stage, tax=tax), overage="bill")
        kept = {tenant: agreement.used_of(usage) for tenant, usage in usages.items()}
        frame = engine_of("polars").frame(agreement.columns_of(usages, usages))

        rows = focus_rows(frame, plan, by="tenant", period=period, scale=26, issuer="me")

        assert by_account(with_texts(rows.to_dicts())) == by_account(rows_of_bills(kept, plan, period)), seed


@every_engine
def test_every_engine_gives_the_same_rows(name):
    columns = {**EVENTS, "at": [f"2026-10-{day:02}" for day in DAYS]}
    how = {"by": "tenant", "period": OCTOBER}

    rows = records(name, EVENTS, EVERYTHING, **how)
    days = records(name, columns, EVERYTHING, time="at", **how)

    assert by_account(rows) == by_account(rows_of_bills(usages_of(EVENTS), EVERYTHING, OCTOBER))
    assert summed(days) == summed(rows)
    assert len(days) > len(rows)
    starts = {row["ChargePeriodStart"][:10] for row in days if row["SkuMeter"] == "GPU Hours"}
    assert starts >= {"2026-10-01", "2026-10-02", "2026-10-05"}


@pytest.mark.parametrize("first", range(0, 16, 8))
def test_the_rows_of_generated_plans_are_those_of_their_bills_and_days_add_up(first):
    """Plans of stories, with everything switched on now and then; seeds, so that a run is the same again."""
    pl = import_module("polars")
    for seed in range(first, first + 8):
        plan, period, usages = agreement.drawn(seed, tenants=2)
        expected = agreement.one_by_one(plan, usages, period)
        columns = agreement.columns_of(usages, expected)
        kept = {tenant: agreement.used_of(usages[tenant]) for tenant in expected}
        how = {"by": "tenant", "period": period, "scale": 24, "issuer": "me"}
        frame = engine_of("polars").frame(columns)
        start, count = (date(2026, 1, 1), 40) if period is None else (period.start, period.days)
        days = [start + timedelta(days=n % count) for n in range(frame.height)]
        timed = frame.with_columns(pl.Series("at", days))

        rows = with_texts(focus_rows(frame, plan, **how).to_dicts())
        # terms with dates of their own, as a trial, are versions where days are known
        whole = with_texts(focus_rows(timed, plan, time="at", daily=False, **how).to_dicts())
        by_day = with_texts(focus_rows(timed, plan, time="at", **how).to_dicts())

        assert by_account(rows) == by_account(rows_of_bills(kept, plan, period)), seed
        assert summed(by_day) == summed(whole), seed
        for row in by_day:
            if row["ListUnitPrice"] is not None:
                quantity = Fraction(row["PricingQuantity"])
                for cost, price in (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")):
                    assert row[cost] == Fraction(row[price]) * quantity, seed


def test_days_are_those_of_the_zone_of_the_plan():
    plan = BillingPlan.subscription(
        "31", PriceSchedule(calls="0.10"), cycle=Cycle.monthly(tz="Asia/Shanghai")
    )
    pa = import_module("pyarrow")
    at = [datetime(2026, 10, 1, 15, 59, tzinfo=UTC), datetime(2026, 10, 1, 16, tzinfo=UTC)]
    table = pa.table({"calls": [3, 4], "at": pa.array(at, pa.timestamp("us", "UTC"))})

    rows = focus_rows(table, plan, issuer="me", account_id="acme", time="at", period=OCTOBER).to_pylist()

    shown = [(row["ChargeCategory"], row["ChargePeriodStart"].isoformat(), row["BilledCost"]) for row in rows]
    assert shown == [
        ("Purchase", "2026-09-30T16:00:00+00:00", 31),
        ("Usage", "2026-09-30T16:00:00+00:00", Decimal("0.30")),
        ("Usage", "2026-10-01T16:00:00+00:00", Decimal("0.40")),
    ]
    whole = focus_rows(table, plan, issuer="me", account_id="acme", time="at", period=OCTOBER, daily=False)
    assert whole["BilledCost"].to_pylist() == [31, Decimal("0.70")]


def test_days_of_a_contract_lie_in_their_version():
    one = BillingPlan.subscription("31", PriceSchedule(calls="0.10"), cycle=Cycle.monthly())
    two = BillingPlan.subscription("62", PriceSchedule(calls="0.20"), cycle=Cycle.monthly())
    contract = Contract(one).amended("2026-10-16", two)
    columns = {
        "tenant": ["a"] * 4,
        "calls": [1, 2, 3, 4],
        "at": ["2026-10-15", "2026-10-16", "2026-10-16", "2026-10-20"],
    }
    how = {"by": "tenant", "time": "at", "period": OCTOBER}

    rows = records("pyarrow", columns, contract, **how)
    whole = records("pyarrow", columns, contract, daily=False, **how)

    dated = {"2026-10-15": {"calls": 1}, "2026-10-16": {"calls": 5}, "2026-10-20": {"calls": 4}}
    bill = Bill.of(dated, contract, period=OCTOBER, about={"customer": "a"})
    assert whole == focus.rows(bill, issuer="me")
    assert summed(rows) == summed(whole)
    shown = [
        (row["ChargePeriodStart"][:10], row["ChargePeriodEnd"][:10], row["BilledCost"])
        for row in rows
        if row["ChargeCategory"] == "Usage"
    ]
    assert shown == [
        ("2026-10-15", "2026-10-16", Decimal("0.10")),
        ("2026-10-16", "2026-10-17", 1),
        ("2026-10-20", "2026-10-21", Decimal("0.80")),
    ]


def test_columns_of_the_group_name_account_part_invoice_and_tags():
    columns = {
        "tenant": ["acme"],
        "sub_account": ["search"],
        "number": ["INV-7"],
        "team": ["core"],
        "calls": [1],
    }
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    by = ["tenant", "sub_account", "number", "team"]
    about = {"customer": "acme", "sub_account": "search", "number": "INV-7", "team": "core"}
    bill = Bill.of(Usage(calls=1), plan, about=about)
    named = {"tags": {"env": "prod"}, "account_name": "Acme AG", "sub_account_name": "Search"}

    assert records("pyarrow", columns, plan, by=by, **named) == focus.rows(bill, issuer="me", **named)
    (row,) = records("pyarrow", columns, plan, by=["tenant", "team"], account_id="reseller", meters=["calls"])
    assert (row["BillingAccountId"], row["SubAccountId"], row["Tags"]) == (
        "reseller",
        "acme",
        '{"team": "core"}',
    )


def test_list_prices_and_files_are_those_of_bills(tmp_path):
    parquet = import_module("pyarrow.parquet")
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.08", gpu_hours=2, files=1))
    public = PriceSchedule(calls="0.10", gpu_hours=3, files=1)
    parquet.write_table(engine_of("pyarrow").frame(EVENTS), tmp_path / "use.parquet")
    expected = rows_of_bills(usages_of(EVENTS), plan, None, list_prices=public)

    rows = focus_rows(tmp_path / "use.parquet", plan, "tenant", issuer="me", list_prices=public).to_pylist()

    assert by_account(rows) == by_account(expected)


def test_customers_of_several_plans_have_rows_of_one_schema():
    plans = {
        "acme": PLANS["on demand"],
        "zoo": BillingPlan.on_demand(PriceSchedule(PRICES, currency="EUR")),
        "ant": EVERYTHING,
    }
    rows = records("polars", EVENTS, plans, by="tenant")

    assert {(row["BillingAccountId"], row["BillingCurrency"]) for row in rows} >= {
        ("acme", "USD"),
        ("zoo", "EUR"),
    }
    expected = [
        row
        for tenant, usage in usages_of(EVENTS).items()
        for row in rows_of_bills({tenant: usage}, plans[tenant], None)
    ]
    assert by_account(rows) == by_account(expected)


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (UnreadableInput, {"by": "tenant", "version": "1.3"}),
        (InvalidName, {"meters": ["calls"]}),
        (InvalidName, {"by": "tenant", "tags": 5}),
        (InvalidPrice, {"by": "tenant", "scale": 1}),
        (TokenbillError, {"by": "tenant", "skus": {"calls": 5}}),
    ],
)
def test_what_makes_no_rows_is_refused(error, named):
    columns = {"tenant": ["acme"], "calls": [7]}
    with pytest.raises(error):
        records("pyarrow", columns, BillingPlan.on_demand(PriceSchedule(calls="0.01")), **named)


@pytest.mark.parametrize("cell", ["", "a\x1b[31m"])
def test_an_account_that_is_no_name_is_refused(cell):
    with pytest.raises(InvalidName):
        records(
            "pyarrow",
            {"tenant": [cell], "calls": [7]},
            BillingPlan.on_demand(PriceSchedule(calls=1)),
            by="tenant",
        )
