"""Frames under terms that change within the period: rows by version, several contracts, and showback."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import engine_of, every_engine
from tokenbill import (
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Limit,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
)
from tokenbill.errors import InvalidPeriod, InvalidPlan, UnpricedUsage
from tokenbill.frames import compare, day, margin, rate, rollout, stream, totals

few = settings(max_examples=settings.default.max_examples // 4 + 1)
NOVEMBER = Period("2026-11-01", "2026-12-01")
WITHIN = {"time": "at", "period": NOVEMBER}


def asked(name, work, cells, /, *what, **options):
    engine = engine_of(name)
    return engine.records(work(engine.frame(cells), *what, **options))


def flat(prices, **terms):
    return BillingPlan.on_demand(PriceSchedule(prices), **terms)


LABELLED = Contract(flat({"calls{model=small}": "0.01", "calls": "0.03"})).amended(
    "2026-11-16", flat({"calls": "0.05"})
)
TWO_DAYS = {
    "tenant": ["x", "x"],
    "at": ["2026-11-01", "2026-11-20"],
    "model": ["small", "small"],
    "calls": [100, 100],
}


@every_engine
def test_a_label_that_only_an_earlier_version_reads_finds_its_price(name):
    used = Usage({"calls{model=small}": 100})
    right = Bill.of({"2026-11-01": used, "2026-11-20": used}, LABELLED, period=NOVEMBER).total

    rows = asked(name, rate, TWO_DAYS, LABELLED, "tenant", labels="model", **WITHIN)

    assert sum(row["amount"] for row in rows) == right == 6
    (row,) = asked(name, totals, TWO_DAYS, LABELLED, "tenant", labels="model", **WITHIN)
    assert row["total"] == 6


RETIRED = Contract(flat({"old": "0.01"})).amended("2026-11-16", flat({"calls": "0.05"}))


@every_engine
def test_a_meter_that_only_one_version_prices_is_billed_there(name):
    times = ["2026-11-01", "2026-11-20"]
    wide = {"at": times, "old": [1, 0], "calls": [0, 5]}
    long = {"at": times, "meter": ["old", "calls"], "quantity": [1, 5]}

    for columns in (wide, long):
        rows = asked(name, rate, columns, RETIRED, **WITHIN)
        assert sum(row["amount"] for row in rows) == Decimal("0.26")
    late = {"at": times, "meter": ["old", "old"], "quantity": [1, 5]}
    with pytest.raises(engine_of(name).bill_refusals(UnpricedUsage), match="no price for meter 'old'"):
        asked(name, rate, late, RETIRED, **WITHIN)


def test_a_file_is_refused_where_no_version_prices_its_meter(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("at,meter,quantity\n2026-11-01,old,1\n2026-11-20,calls,5\n")
    assert sum(stream(path, RETIRED, **WITHIN)["amount"].to_pylist()) == Decimal("0.26")
    path.write_text("at,meter,quantity\n2026-11-01,older,1\n")
    with pytest.raises(UnpricedUsage, match=r"row 0 of usage.csv: no price for meter 'older'"):
        stream(path, RETIRED, **WITHIN)


@every_engine
def test_what_was_not_used_needs_no_price(name):
    """Where customers have plans of their own, a wide frame has a 0 for what only others pay for."""
    plans = {"a": flat({"calls": "0.03"}), "b": flat({"gpu": "0.05"})}
    columns = {"tenant": ["a", "b"], "team": ["s", "t"], "calls": [5, 0], "gpu": [0, 3]}

    found = asked(name, totals, columns, plans, "tenant", meters=["calls", "gpu"])
    assert {row["tenant"]: row["total"] for row in found} == {"a": Decimal("0.15"), "b": Decimal("0.15")}
    spread = asked(name, rate, columns, plans, "tenant", spread="team", meters=["calls", "gpu"])
    assert {(row["team"], row["meter"]) for row in spread if row["kind"] == "usage"} == {
        ("s", "calls"),
        ("t", "gpu"),
    }
    with pytest.raises(engine_of(name).bill_refusals(UnpricedUsage), match="no price for meter 'gpu'"):
        asked(name, rate, {**columns, "gpu": [1, 3]}, plans, "tenant", spread="team", meters=["calls", "gpu"])


# ---------------------------------------------------------------- several contracts

ONE = Contract(flat({"calls": "0.10"})).amended("2026-11-11", flat({"calls": "0.20"}, fees=[Fee(3, "base")]))
OTHER = Contract(flat({"calls": "0.30"})).amended(
    "2026-11-21", flat({"calls": "0.07"}, taxes=[Tax("VAT", 19)])
)
PLAIN = flat({"calls": "0.15"}, discounts=[Discount.percent(10)])
TERMS = {"one": ONE, "other": OTHER, "plain": PLAIN}
USED = [
    ("one", "2026-11-01T00:00:00Z", 10),
    ("one", "2026-11-11T00:00:00Z", 20),
    ("other", "2026-11-12T00:00:00Z", 30),
    ("other", "2026-11-30T23:59:59Z", 40),
    ("plain", "2026-11-15T12:00:00Z", 50),
    ("plain", "2026-12-01T00:00:00Z", 1000),
]


def cells_of(rows):
    tenants, times, calls = (list(cells) for cells in zip(*rows, strict=True))
    return {"tenant": tenants, "at": times, "calls": calls}


def bill(terms, tenant, rows=USED):
    used = defaultdict(Usage)
    for who, at, calls in rows:
        if who == tenant and at < "2026-12-01":
            used[datetime.fromisoformat(at)] += Usage(calls=calls)
    whole = Period("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    usage = dict(used) if isinstance(terms, Contract) else sum(used.values(), Usage())
    return Bill.of(usage, terms, period=whole)


@every_engine
def test_each_customer_may_have_a_contract(name):
    right = {tenant: bill(terms, tenant).total for tenant, terms in TERMS.items()}

    found = asked(name, totals, cells_of(USED), TERMS, "tenant", **WITHIN)
    assert {row["tenant"]: row["total"] for row in found} == right
    amounts = defaultdict(Decimal)
    for row in asked(name, rate, cells_of(USED), TERMS, "tenant", **WITHIN):
        amounts[row["tenant"]] += row["amount"]
    assert amounts == right
    columns = {**cells_of(USED), "terms": [tenant for tenant, _, _ in USED]}
    found = asked(name, totals, columns, "terms", "tenant", plans=TERMS, meters=["calls"], **WITHIN)
    assert {row["tenant"]: row["total"] for row in found} == right


@every_engine
def test_contracts_are_compared(name):
    """Each plan bills the rows of each tenant by its own versions."""
    right = {tenant: {label: bill(terms, tenant).total for label, terms in TERMS.items()} for tenant in TERMS}

    rows = asked(name, compare, cells_of(USED), TERMS, "tenant", **WITHIN)
    assert {row["tenant"]: {label: row[label] for label in TERMS} for row in rows} == right
    assert all(right[row["tenant"]][row["cheapest"]] == min(right[row["tenant"]].values()) for row in rows)
    rows = asked(name, rollout, cells_of(USED), ONE, OTHER, "tenant", **WITHIN)
    assert {row["tenant"]: (row["old"], row["new"]) for row in rows} == {
        tenant: (each["one"], each["other"]) for tenant, each in right.items()
    }
    rows = asked(name, margin, cells_of(USED), OTHER, PLAIN, "tenant", **WITHIN)
    costs = {tenant: each["plain"] for tenant, each in right.items()}
    assert {row["tenant"]: row["cost"] for row in rows} == costs


def test_a_contract_without_times_is_told_to_name_them():
    with pytest.raises(InvalidPlan, match='time="at"'):
        asked("pyarrow", rate, cells_of(USED), ONE, "tenant", meters=["calls"], period=NOVEMBER)


def test_no_rows_have_columns_under_several_contracts():
    columns = {"tenant": ["one"], "at": ["2026-12-05T00:00:00Z"], "calls": [1]}
    for work in (rate, totals, compare):
        full = engine_of("pyarrow").frame(cells_of(USED))
        none = work(engine_of("pyarrow").frame(columns), TERMS, "tenant", **WITHIN)
        assert none.num_rows == 0
        assert none.schema.names == work(full, TERMS, "tenant", **WITHIN).schema.names


def test_a_month_of_dates_begins_in_one_zone():
    """Customers in two zones have months of two beginnings: said as instants, they have one."""
    plans = {
        tenant: BillingPlan(PriceSchedule(calls=1), cycle=Cycle.monthly(tz=tz))
        for tenant, tz in (("one", "Asia/Shanghai"), ("other", "Europe/Berlin"))
    }
    columns = {"tenant": ["one"], "at": ["2026-10-31T16:00:00Z"], "calls": [1]}
    with pytest.raises(InvalidPeriod, match="Asia/Shanghai"):
        asked("pyarrow", totals, columns, plans, "tenant", **WITHIN)
    with pytest.raises(InvalidPeriod, match="Asia/Shanghai"):
        asked("pyarrow", compare, columns, plans, "tenant", **WITHIN)


# ---------------------------------------------------------------- showback

TIERS = Graduated([Tier(40, "0.10"), Tier(None, "0.03")])
CHEAPER = Volume([Tier(60, "0.07"), Tier(None, "0.02")])


def changing(first, second, **amendment):
    return Contract(first).amended("2026-11-16", second, **amendment)


CHANGES = [
    changing(flat({"calls": "0.10"}), flat({"calls": "0.20"}, fees=[Fee(3, "base")])),
    changing(flat({"calls": TIERS}), flat({"calls": CHEAPER}, taxes=[Tax("VAT", 19)]), tiers="restart"),
    changing(flat({"calls": TIERS}, minimum=9), flat({"calls": TIERS}, minimum=12, fees=[Fee(1, "base")])),
    changing(flat({"calls": PerUnit("1", per=7)}), flat({"calls": "0.3"}, maximum=Limit("5", on="usage"))),
    changing(
        flat({"calls": "0.0015"}, rounding=Rounding(stage="line")),
        flat({"calls": "0.0025"}, rounding=Rounding(stage="line")),
    ),
]


@every_engine
def test_a_day_costs_what_its_version_of_the_terms_says(name):
    columns = {"at": ["2026-11-01", "2026-11-20", "2026-11-20"], "team": ["s", "s", "t"], "calls": [1, 2, 3]}

    by_day = asked(name, rate, columns, CHANGES[0], spread=day("at"), meters=["calls"], **WITHIN)
    usage = {row["day"]: row["amount"] for row in by_day if row["kind"] == "usage"}
    assert usage == {"2026-11-01": Decimal("0.10"), "2026-11-20": 1}
    teams = asked(name, rate, columns, CHANGES[0], spread="team", meters=["calls"], **WITHIN)
    usage = [(row["team"], row["quantity"], row["amount"]) for row in teams if row["kind"] == "usage"]
    assert sorted(usage) == [("s", 3, Decimal("0.50")), ("t", 3, Decimal("0.60"))]
    wide = asked(name, rate, columns, CHANGES[0], spread="team", columns="wide", meters=["calls"], **WITHIN)
    usage = [(row["team"], row["quantity"], row["rate"]) for row in wide if row["kind"] == "usage"]
    assert sorted(usage) == [("s", 1, Decimal("0.10")), ("s", 2, Decimal("0.20")), ("t", 3, Decimal("0.20"))]


@few
@given(
    st.sampled_from(CHANGES),
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 30), st.sampled_from("xyz"), st.integers(0, 50)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["lines", "wide"]),
)
def test_showback_of_a_contract_adds_up_to_its_bill(terms, events, columns):
    """Teams and days add up to each line; quantities are those of each team."""
    tenants, days, teams, calls = (list(cells) for cells in zip(*events, strict=True))
    frame = {"tenant": tenants, "at": [f"2026-11-{n:02}" for n in days], "team": teams, "calls": calls}
    how = {"meters": ["calls"], "columns": columns, **WITHIN}

    spread = asked("pyarrow", rate, frame, terms, "tenant", spread=["team", day("at")], **how)
    whole = asked("pyarrow", rate, frame, terms, "tenant", **how)

    for column in ("amount", "quantity"):
        assert by_line(spread, column) == by_line(whole, column)
    for tenant in set(tenants):
        used = defaultdict(Usage)
        for who, n, _, count in events:
            if who == tenant:
                used[date(2026, 11, n)] += Usage(calls=count)
        total = sum(row["amount"] for row in spread if row["tenant"] == tenant)
        assert total == Bill.of(dict(used), terms, period=NOVEMBER).total
        by_team = defaultdict(int)
        for row in spread:
            if row["tenant"] == tenant and row["kind"] == "usage":
                by_team[row["team"]] += row["quantity"]
        right = {t: sum(c for w, _, team, c in events if (w, team) == (tenant, t)) for t in by_team}
        # of a tier each team has its part, to the last decimal of the column
        assert all(abs(by_team[team] - right[team]) < Decimal("1E-15") for team in right)


def by_line(rows, column):
    found = defaultdict(Decimal)
    for row in rows:
        place = tuple(row.get(name) for name in ("tenant", "kind", "meter", "description", "rate"))
        found[place] += row[column] or 0
    return found
