"""Relations of DuckDB: its names stay the user's, its types are counted exactly, and overflow is told."""

from decimal import Decimal
from fractions import Fraction
from importlib import import_module

import pytest

from tests.engines import engine_of
from tests.strategies import Saturating
from tokenbill import BillingPlan, PriceSchedule
from tokenbill.errors import InvalidNumber, QuantityOverflow, UnreadableInput
from tokenbill.frames import rate, rate_rows

PLAN = BillingPlan.on_demand(PriceSchedule({"calls": 1, "calls{kind=a}": 3, "own": Saturating(10, 5)}))
SIMPLE = BillingPlan.on_demand(PriceSchedule({"calls": 1, "calls{kind=a}": 3}))


@pytest.fixture
def base():
    engine_of("duckdb")
    with import_module("duckdb").connect() as connection:
        yield connection


@pytest.mark.parametrize("plan", [SIMPLE, PLAN])
def test_what_a_user_has_named_is_left_alone(base, plan):
    base.sql("CREATE TABLE usage AS SELECT 7 AS calls")
    views = "SELECT count(*) FROM duckdb_views() WHERE NOT internal"

    found = base.sql("SELECT * FROM usage")
    bills, rows = rate(found, plan), rate_rows(found, plan)

    assert bills.fetchall() == [("usage", "calls", "calls", Decimal(7), Decimal(7))]
    assert rows.fetchall() == [(7, Decimal(7))]
    assert base.sql("SELECT * FROM usage").fetchall() == [(7,)]
    assert base.sql(views).fetchall() == [(0,)]
    assert rate(rows, plan, meters=["calls"]).fetchall() == bills.fetchall()


@pytest.mark.parametrize(
    ("cell", "quantity"),
    [
        ("255::UTINYINT", 510),
        ("18446744073709551615::UBIGINT", 2 * (2**64 - 1)),
        ("10000000000000000000000000000::HUGEINT", 2 * 10**28),
        ("1.50::DECIMAL(3, 2)", 3),
        ("1.000000000000000005::DECIMAL(38, 18)", Decimal("2.000000000000000010")),
        ("0.0000000000000000005::DECIMAL(38, 19)", Decimal("0.0000000000000000010")),
        (
            "3000000.000000000000000000000000000005::DECIMAL(38, 30)",
            "6000000.000000000000000000000000000010",
        ),
    ],
)
def test_integers_of_every_width_are_counted(base, cell, quantity):
    found = base.sql(f"SELECT {cell} AS calls FROM range(2)")

    assert rate(found, SIMPLE).fetchall()[0][3] == Decimal(quantity)
    assert [row[1] for row in rate_rows(found, SIMPLE).fetchall()] == [Fraction(quantity) / 2] * 2


def test_numbers_that_it_would_add_up_as_floats_are_refused(base):
    found = base.sql("SELECT 1::UHUGEINT AS calls")

    for ask in (rate, rate_rows):
        with pytest.raises(InvalidNumber, match="UHUGEINT"):
            ask(found, SIMPLE)


def test_a_sum_beyond_128_bits_names_meter_and_group(base):
    cell = "CASE WHEN range < 2 THEN 1 ELSE 90000000000000000000000000000000000000 END"
    found = base.sql(f"SELECT {cell} :: HUGEINT AS calls, range // 2 AS tenant FROM range(4)")

    with pytest.raises(QuantityOverflow, match="'calls' of 'tenant=1'"):
        rate(found, SIMPLE, by="tenant")


@pytest.mark.parametrize(
    "cell", ["'x'::BLOB", "DATE '2026-11-01'", "TRUE", "1.5", "INTERVAL 3 DAYS", "'x''y'"]
)
def test_labels_of_any_type_meet_their_rows(base, cell):
    found = base.sql(f"SELECT {cell} AS kind, 'calls' AS meter, 2 AS quantity")

    assert [row[-1] for row in rate_rows(found, SIMPLE, labels="kind").fetchall()] == [2]
    assert [row[-1] for row in rate(found, SIMPLE, labels="kind").fetchall()] == [2]


def test_a_meter_that_comes_after_the_rows_were_rated_is_refused(base):
    base.sql("CREATE TABLE events AS SELECT 'calls' AS meter, 2 AS quantity")
    rows = rate_rows(base.sql("SELECT * FROM events"), SIMPLE)
    base.sql("INSERT INTO events VALUES ('new', 1)")

    with pytest.raises(engine_of("duckdb").refusals(), match="not there when the rows were rated"):
        rows.fetchall()


def test_cells_that_are_lists_name_no_bill(base):
    with pytest.raises(UnreadableInput, match="tell no rows apart"):
        rate(base.sql("SELECT [1] AS tenant, 1 AS calls"), SIMPLE, by="tenant")
