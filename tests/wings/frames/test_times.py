"""Frames that know the time: periods, calendars, hours of the day, and the versions of a contract by row."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module

from tests.support.engines import engine_of, every_engine
from tokenbill import Bill, BillingPlan, Contract, Cycle, Fee, Period, PriceSchedule
from tokenbill.errors import InvalidPeriod, InvalidPlan, UnpricedUsage, UnreadableInput
from tokenbill.frames import add_up, day, hours, month, rate, stream, time, totals

PLAN = BillingPlan.on_demand(PriceSchedule(calls="0.10"))


def asked(name, work, columns, *what, **options):
    engine = engine_of(name)
    return engine.records(work(engine.frame(columns), *what, **options))


def by_key(rows, *key, value="amount"):
    found = {}
    for row in rows:
        place = tuple(row[column] for column in key)
        found[place] = found.get(place, 0) + row[value]
    return found if len(key) > 1 else {place[0]: amount for place, amount in found.items()}


EDGES = {
    "at": [
        "2026-10-31T15:59:59Z",
        "2026-10-31T16:00:00Z",  # midnight in Shanghai
        "2026-11-30T15:59:59.999999Z",
        "2026-11-30T16:00:00Z",
    ],
    "calls": [1, 20, 300, 4000],
}


@every_engine
def test_a_period_takes_the_rows_inside_it(name):
    shanghai = Period("2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00")
    (row,) = asked(name, rate, EDGES, PLAN, period=shanghai, time="at")
    assert (row["quantity"], row["amount"]) == (320, 32)
    (row,) = asked(name, rate, EDGES, PLAN, period=Period("2026-11-01", "2026-12-01"), time="at")
    assert row["quantity"] == 4300  # a period of dates is one of UTC


@every_engine
def test_rows_are_grouped_by_the_local_calendar(name):
    rows = asked(name, rate, EDGES, PLAN, month("at", tz="Asia/Shanghai"))
    assert by_key(rows, "month") == {"2026-10": Decimal("0.10"), "2026-11": 32, "2026-12": 400}
    rows = asked(name, rate, EDGES, PLAN, [day("at")])
    assert by_key(rows, "day") == {"2026-10-31": Decimal("2.10"), "2026-11-30": 430}
    rows = asked(name, rate, EDGES, PLAN, [Cycle.monthly(31)], time="at")
    assert by_key(rows, "period") == {"2026-10-31": Decimal("2.10"), "2026-11-30": 430}


@every_engine
def test_a_bill_is_spread_over_hours(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.001"))
    columns = {"at": [f"2026-11-01T{hour:02}:30:00+00:00" for hour in range(5)], "calls": [3] * 5}

    rows = asked(name, rate, columns, plan, spread=[time("at", "1h", tz="Asia/Shanghai")])

    # 0.015 rounded to 0.02, as one bill
    assert by_key(rows, "time") == {
        f"2026-11-01T{hour + 8:02}:00:00+08:00": Decimal("0.004") for hour in range(5)
    }


@every_engine
def test_a_price_depends_on_the_hour_of_the_local_day(name):
    plan = BillingPlan.on_demand(PriceSchedule({"calls": "1.00", "calls{hours=night}": "0.10"}))
    columns = {
        "at": [
            "2026-11-01T20:59:59Z",  # 21:59:59 in Berlin
            "2026-11-01T21:00:00Z",  # 22:00, night
            "2026-11-02T04:59:59Z",  # 05:59:59, night
            "2026-11-02T05:00:00Z",  # 06:00
        ],
        "calls": [1, 20, 300, 4000],
    }
    night = hours("at", {"night": "22:00-06:00"}, tz="Europe/Berlin")

    rows = asked(name, rate, columns, plan, labels=[night], meters=["calls"])

    assert by_key(rows, "meter", "hours") == {("calls", None): 4001, ("calls{hours=night}", "night"): 32}


MARCH = Period("2026-03-01", "2026-04-01")


@every_engine
def test_versions_of_a_contract_are_told_apart_by_row(name):
    one, two = (
        BillingPlan(PriceSchedule(calls=price), fees=[Fee(fee, "base")], cycle=Cycle.monthly())
        for price, fee in ((1, 31), (2, 62))
    )
    contract = Contract(one).amended("2026-03-16", two)
    columns = {
        "tenant": ["a", "a", "b"],
        "at": ["2026-03-15T23:59:59Z", "2026-03-16T00:00:00Z", "2026-03-20T00:00:00Z"],
        "calls": [10, 10, 5],
    }

    rows = asked(name, rate, columns, contract, "tenant", period=MARCH, time="at")

    # fees of 15 and of 32; 10 and 20 for the calls
    assert by_key(rows, "tenant") == {"a": 77, "b": 57}
    bill = Bill.of({"2026-03-15": {"calls": 10}, "2026-03-16": {"calls": 10}}, contract, period=MARCH)
    assert bill.total == 77
    assert {
        row["total"] for row in asked(name, totals, columns, contract, "tenant", period=MARCH, time="at")
    } == {
        77,
        57,
    }


@every_engine
def test_sums_by_day(name):
    rows = asked(name, add_up, EDGES, time=day("at", tz="Asia/Shanghai"))

    assert by_key(rows, "day", value="calls") == {
        "2026-10-31": 1,
        "2026-11-01": 20,
        "2026-11-30": 300,
        "2026-12-01": 4000,
    }


# ---------------------------------------------------------------- types of times


@every_engine
def test_sums_of_a_period(name):
    """Dates begin where the calendar of the sums is, instants where they say."""
    shanghai = day("at", tz="Asia/Shanghai")
    instants = Period("2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z")

    for period in (Period("2026-11-01", "2026-12-01"), instants):
        rows = asked(name, add_up, EDGES, time=shanghai, period=period)
        assert {row["day"]: row["calls"] for row in rows} == {"2026-11-01": 20, "2026-11-30": 300}
    rows = asked(name, add_up, EDGES, time="at", period=Period("2026-11-01", "2026-12-01"))
    assert {row["day"]: row["calls"] for row in rows} == {"2026-11-30": 4300}
    with pytest.raises(UnreadableInput, match="a period, and no column of times"):
        asked(name, add_up, EDGES, period=instants)


@every_engine
def test_a_column_of_times_may_bear_the_name_of_what_is_made_of_it(name):
    columns = {"time": EDGES["at"], "calls": EDGES["calls"]}
    within = {"time": "time", "period": Period("2026-11-01", "2026-12-01")}

    rows = asked(name, rate, columns, PLAN, spread=[time("time", "1d", tz="Asia/Shanghai")])
    assert by_key(rows, "time", value="quantity") == {
        "2026-10-31T00:00:00+08:00": 1,
        "2026-11-01T00:00:00+08:00": 20,
        "2026-11-30T00:00:00+08:00": 300,
        "2026-12-01T00:00:00+08:00": 4000,
    }
    (row,) = asked(name, add_up, columns, time=month("time", name="time"), period=within["period"])
    assert row == {"time": "2026-11", "calls": 4300}
    with pytest.raises(UnreadableInput, match="asked for twice"):
        asked(name, rate, columns, PLAN, ["time", time("time")], meters=["calls"])


def test_a_file_may_have_times_of_the_name_of_what_is_made_of_them(tmp_path):
    pa, parquet = map(pytest.importorskip, ("pyarrow", "pyarrow.parquet"))
    table = pa.table({"day": pa.array([datetime(2026, 11, 1, tzinfo=UTC)]), "calls": [1]})
    parquet.write_table(table, tmp_path / "usage.parquet")

    assert stream(tmp_path, PLAN, day("day"), meters=["calls"])["day"].to_pylist() == ["2026-11-01"]
    assert add_up(tmp_path, time="day", columns=["calls"])["day"].to_pylist() == ["2026-11-01"]


def test_a_misspelt_column_is_answered_by_the_nearest():
    with pytest.raises(UnreadableInput, match="no such column: 'tennant'; did you mean 'tenant'"):
        asked("pyarrow", rate, {"tenant": ["a"], "calls": [1]}, PLAN, "tennant")


def test_times_of_every_type_are_read():
    pa = pytest.importorskip("pyarrow")
    at = datetime(2026, 10, 31, 16, tzinfo=UTC)
    columns = [pa.array([at], pa.timestamp(unit, "America/New_York")) for unit in ("s", "ms", "us", "ns")]
    columns += [pa.array(["2026-10-31T16:00:00.123456789Z"]), pa.array([at.isoformat()], pa.large_string())]
    columns += [pa.array([date(2026, 11, 1)]), pa.array(["2026-11-01"]).dictionary_encode()]
    for cells in columns:
        table = pa.table({"at": cells, "calls": [1]})
        assert rate(table, PLAN, month("at", tz="Asia/Shanghai"))["month"].to_pylist() == ["2026-11"]


def test_a_day_of_25_hours_has_25():
    pa = pytest.importorskip("pyarrow")
    berlin = time("at", "1h", tz="Europe/Berlin")
    cells = [f"2026-10-24T{hour}:30:00Z" for hour in (22, 23)] + [
        f"2026-10-25T{hour:02}:30:00Z" for hour in range(24)
    ]

    found = rate(pa.table({"at": cells, "calls": [1] * 26}), PLAN, berlin)["time"].to_pylist()

    assert found[2:5] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]
    assert len(found) == 26


def test_times_that_mean_nothing_are_refused():
    pa = pytest.importorskip("pyarrow")
    naive = pa.array([datetime(2026, 11, 1)], pa.timestamp("us"))
    for cells, told in (
        (naive, "holds times without a zone"),
        (pa.array([7]), "holds no times"),
        (pa.array(["soon"]), "not a time in column 'at' in row 0"),
        (pa.array([None], pa.string()), "1 null in column 'at'"),
    ):
        with pytest.raises(UnreadableInput, match=told):
            rate(pa.table({"at": cells, "calls": [1]}), PLAN, month("at"))
    table = pa.table({"at": ["2026-11-01"], "calls": [1]})
    with pytest.raises(UnreadableInput, match="a cycle, and no column of times"):
        rate(table, PLAN, Cycle.monthly())
    with pytest.raises(UnreadableInput, match="no such column: 'when'"):
        rate(table, PLAN, time="when")
    for every in ("1w", "7min", "", 5):
        with pytest.raises(InvalidPeriod, match="not a part of a day"):
            time("at", every)
    for windows in ({}, {"night": "22-06"}, {"night": "22:00-25:00"}, {"night": "06:00-06:00"}):
        with pytest.raises(InvalidPeriod, match="hours of the day"):
            hours("at", windows)


@pytest.mark.parametrize(
    "second", ["21:59-08:00", "08:00-09:00", "22:00-08:01", "00:00-24:00", "12:00-11:59", "07:00-09:00"]
)
def test_an_hour_has_one_name(second):
    with pytest.raises(InvalidPeriod, match=f"hours of the day that overlap: '{second}'"):
        hours("at", {"day": "08:00-22:00", "other": second})


@pytest.mark.parametrize("second", ["22:00-08:00", "22:00-24:00", "00:00-08:00", "23:59-00:01"])
def test_windows_may_touch(second):
    assert hours("at", {"day": "08:00-22:00", "other": second}).windows[1][0] == "other"


def test_a_whole_day_is_a_window():
    assert hours("at", {"all": "00:00-24:00"}).windows == (("all", 0, 1440),)


def test_a_row_outside_all_windows_has_no_label():
    pa = pytest.importorskip("pyarrow", reason="not run: install pyarrow")
    table = pa.table({"at": ["2026-10-05T21:00:00Z"], "calls": [1]})
    plan = BillingPlan.on_demand(PriceSchedule({"calls{hours=day}": 1}))

    with pytest.raises(UnpricedUsage):
        rate(table, plan, labels=[hours("at", {"day": "08:00-20:00"})])


def test_a_schedule_in_place_of_a_plan_is_told_so():
    pa = pytest.importorskip("pyarrow", reason="not run: install pyarrow")
    table, prices = pa.table({"pool": ["a"], "calls": [1]}), PriceSchedule(calls=1)

    for given in ((prices, "pool"), (prices,)):
        with pytest.raises(
            InvalidPlan, match=r"a price schedule, not a plan: .* give BillingPlan\.on_demand"
        ):
            rate(table, *given)
    with pytest.raises(InvalidPlan, match="a price schedule, not a plan"):
        rate(table, "pool", plans=prices)


@every_engine
def test_a_period_warns_that_it_chooses_no_rows(name):
    engine = engine_of(name)
    if name == "dask":
        pytest.skip("not run: the helper makes no times of Dask")
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"at": pa.array([datetime(2026, 11, 1, tzinfo=UTC)]), "calls": [1]})
    frame = {
        "pandas": table.to_pandas,
        "pyarrow": lambda: table,
        "duckdb": lambda: import_module("duckdb").from_arrow(table),
        "pyspark": lambda: import_module("tests.support.engines").spark_session().createDataFrame(table),
    }.get(name, lambda: import_module("polars").from_arrow(table))()
    frame = frame.lazy() if name.startswith("polars ") else frame

    with pytest.warns(UserWarning, match='name the column of times, time="at"'):
        rows = rate(frame, PLAN, meters=["calls"], period=MARCH)
    assert engine.records(rows)[0]["quantity"] == 1
    (row,) = engine.records(rate(frame, PLAN, time="at", period=Period("2026-11-01", "2026-12-01")))
    assert row["amount"] == Decimal("0.10")


def test_dates_of_pandas_are_times_too():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"at": [date(2026, 11, 1)], "calls": [1]})

    with pytest.warns(UserWarning, match='name the column of times, time="at"'):
        rate(frame, PLAN, meters=["calls"], period=MARCH)
