"""Relations of DuckDB: its names stay the user's, its types are counted exactly, and overflow is told."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from types import SimpleNamespace

import pytest

from tests.support.engines import Decimals, arrow_table, engine_of
from tests.support.strategies import Saturating
from tokenbill import BillingPlan, Graduated, PriceSchedule, Tier
from tokenbill.errors import InvalidNumber, InvalidUsage, QuantityOverflow, UnreadableInput
from tokenbill.frames import rate, rate_rows

PLAN = BillingPlan.on_demand(PriceSchedule({"calls": 1, "calls{kind=a}": 3, "own": Saturating(10, 5)}))
UUID = "00000000-0000-0000-0000-00000000000a"
SIMPLE = BillingPlan.on_demand(PriceSchedule({"calls": 1, "calls{kind=a}": 3}))
LINE = "kind, meter, description, quantity, amount"


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

    assert bills.project(LINE).fetchall() == [("usage", "calls", "calls", Decimal(7), Decimal(7))]
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

    scale = 30 if "38, 30" in cell else 19 if "38, 1" in cell else 1
    assert rate(found, SIMPLE, scale=scale).project("quantity").fetchall()[0] == (Decimal(quantity),)
    rows = rate_rows(found, SIMPLE, scale=scale).fetchall()
    assert [row[1] for row in rows] == [Fraction(quantity) / 2] * 2


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
    assert rate(found, SIMPLE, labels="kind").project("amount").fetchall() == [(2,)]


def test_a_meter_that_comes_after_the_rows_were_rated_is_refused(base):
    base.sql("CREATE TABLE events AS SELECT 'calls' AS meter, 2 AS quantity")
    rows = rate_rows(base.sql("SELECT * FROM events"), SIMPLE)
    base.sql("INSERT INTO events VALUES ('new', 1)")

    with pytest.raises(engine_of("duckdb").refusals(), match="not there when the rows were rated"):
        rows.fetchall()


def test_cells_that_are_lists_name_no_bill(base):
    with pytest.raises(UnreadableInput, match="tell no rows apart"):
        rate(base.sql("SELECT [1] AS tenant, 1 AS calls"), SIMPLE, by="tenant")


# ---------------------------------------------------------------- names and settings of the user


@pytest.mark.parametrize("name", ["settled", "rated", "table", "data", "tokenbill"])
def test_a_table_of_any_name_is_not_taken_for_the_bill(base, name):
    base.execute(f"CREATE TABLE \"{name}\" AS SELECT 'bogus' AS x")
    base.execute("CREATE VIEW \"rows of tokenbill\" AS SELECT 'mine' AS x")
    found = base.sql("SELECT 'a' AS tenant, 2 AS calls")

    assert rate(found, SIMPLE, by="tenant").project(f"tenant, {LINE}").fetchall() == [
        ("a", "usage", "calls", "calls", Decimal(2), Decimal(2))
    ]
    assert rate_rows(found, PLAN, labels="tenant").fetchall() == [("a", 2, Decimal(2))]
    assert base.sql('SELECT * FROM "rows of tokenbill"').fetchall() == [("mine",)]


def put_in(data, **columns):
    """Columns as a relation beside another that names no connection, as those before DuckDB 2."""
    back_end, asked = import_module("tokenbill.frames.duckdb"), ("query", "columns")
    beside = SimpleNamespace(**{name: getattr(data, name) for name in asked})
    return back_end.relation(arrow_table(columns), beside)


@pytest.mark.parametrize("setting", ["python_enable_replacements", "enable_external_access"])
def test_a_connection_that_reads_no_variables_is_billed_or_told(base, setting):
    base.execute("CREATE TABLE ev AS SELECT 2 AS calls")
    base.execute(f"SET {setting} = false")
    ev = base.table("ev")

    with suppress(UnreadableInput):  # of an old version, which is handed tables as variables
        found = rate(ev, SIMPLE)
        assert found.project(LINE).fetchall() == [("usage", "calls", "calls", Decimal(2), Decimal(2))]
    with pytest.raises(UnreadableInput, match="to_arrow_table"):
        put_in(ev, calls=[2])
    assert base.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [(0,)]


def test_a_relation_that_names_no_connection_is_asked_for_a_query(base):
    ev = base.sql("SELECT 2 AS calls")

    assert put_in(ev, calls=[3, 4]).fetchall() == [(3,), (4,)]
    assert base.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [(0,)]


def test_a_read_only_database_is_billed_or_is_refused_with_a_way_out(base, tmp_path):
    duckdb, path = import_module("duckdb"), str(tmp_path / "base.db")
    with duckdb.connect(path) as writer:
        writer.execute("CREATE TABLE ev AS SELECT 2 AS calls")

    with duckdb.connect(path, read_only=True) as reader:
        ev = reader.table("ev")
        try:
            found = rate(ev, SIMPLE)
        except UnreadableInput:  # an old version, which writes a view to read anything
            found = reader.from_arrow(rate(ev.to_arrow_table(), SIMPLE))
        assert found.project(LINE).fetchall() == [("usage", "calls", "calls", Decimal(2), Decimal(2))]


@pytest.mark.parametrize("odd", ["-1", "NULL"])
@pytest.mark.parametrize(
    "done",
    [
        ["INSERT INTO ev VALUES ('b', {})"],
        ["BEGIN", "INSERT INTO ev VALUES ('b', {})"],
        ["UPDATE ev SET calls = {} WHERE tenant = 'b'"],
        ["BEGIN", "UPDATE ev SET calls = {} WHERE tenant = 'b'"],
    ],
    ids=str,
)
def test_statistics_of_a_table_hide_no_odd_quantity(base, odd, done):
    # more rows than one group of them, each of which has statistics of its own
    base.execute("CREATE TABLE ev AS SELECT 'a' AS tenant, range AS calls FROM range(130000)")
    base.execute("INSERT INTO ev VALUES ('b', 1)")
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    assert len(rate(base.table("ev"), plan, by="tenant").fetchall()) == 2
    for statement in done:
        base.execute(statement.format(odd))

    with pytest.raises(InvalidUsage, match=r"1 (null|negative) in column 'calls'.*tenant=b"):
        rate(base.table("ev"), plan, by="tenant")


def once(base, **columns):
    """A relation that can be read once."""
    return base.from_arrow(arrow_table(columns).to_reader())


@pytest.mark.parametrize("cell", [-4, None])
def test_what_can_be_read_once_hides_no_odd_quantity(base, cell):
    found = once(base, tenant=["a", "b", "b"], calls=[1, cell, 2])

    with pytest.raises(InvalidUsage, match=r"1 null or negative in .*calls.*tenant=b"):
        rate(found, SIMPLE, by="tenant")


def test_what_can_be_read_once_is_billed(base):
    bill = rate(once(base, tenant=["a", "b"], calls=[1, 2]), SIMPLE, by="tenant", meters=["calls"])

    assert sorted(bill.project("tenant, amount").fetchall()) == [("a", 1), ("b", 2)]


def test_what_can_be_read_once_hides_no_null_key(base):
    with pytest.raises(UnreadableInput, match="2 null in column 'tenant'"):
        rate(once(base, tenant=["a", None, None], calls=[1, 1, 1]), SIMPLE, by="tenant")


def test_what_can_be_read_once_hides_no_sum_that_is_too_long(base):
    digits = Decimals([9 * 10**37, 9 * 10**37], 0)

    with pytest.raises(QuantityOverflow, match="'calls': 'a sum' is more than"):
        rate(once(base, calls=digits), SIMPLE)


def test_rows_that_can_be_read_once_are_rated_or_refused_but_never_lost(base):
    assert rate_rows(once(base, calls=[1, 2]), SIMPLE).fetchall() == [(1, 1), (2, 2)]
    assert rate_rows(once(base, calls=[1, 2]), PLAN).fetchall() == [(1, 1), (2, 2)]
    with pytest.raises(UnreadableInput, match=r"read only once.*to_arrow_table"):
        rate_rows(once(base, calls=[1, 2], kind=["a", "b"]), SIMPLE, labels="kind")


@pytest.mark.parametrize("collated", ["SET default_collation = 'NOCASE'", "SET threads = 1"])
@pytest.mark.parametrize("kind", ["VARCHAR", "VARCHAR COLLATE NOCASE"])
def test_texts_are_told_apart_whatever_their_collation_is(base, collated, kind):
    base.execute(f"CREATE TABLE ev (tenant {kind}, kind {kind}, calls INTEGER)")
    base.execute("INSERT INTO ev VALUES ('acme', 'a', 1), ('ACME', 'A', 10)")
    base.execute(collated)
    found = base.table("ev")

    bills = rate(found, SIMPLE, by="tenant", labels="kind").project("tenant, amount").fetchall()
    assert sorted(bills) == [("ACME", 10), ("acme", 3)]
    assert [row[-1] for row in rate_rows(found, SIMPLE, labels=["tenant", "kind"]).fetchall()] == [3, 10]


def test_names_of_the_result_are_taken_in_any_case(base):
    with pytest.raises(UnreadableInput, match=r"named like one of the result.*'AMOUNT'"):
        rate_rows(base.sql("SELECT 1 AS AMOUNT, 1 AS calls"), SIMPLE, meters=["calls"])
    with pytest.raises(UnreadableInput, match=r"named like one of the result.*'Kind'"):
        rate(base.sql("SELECT 'a' AS \"Kind\", 1 AS calls"), SIMPLE, by="Kind")


@pytest.mark.parametrize(
    "setting",
    [
        "SET arrow_lossless_conversion = true",
        "SET produce_arrow_string_view = true; SET arrow_output_version = '1.5'",
    ],
)
def test_settings_of_arrow_change_no_bill(base, setting):
    try:
        base.execute(setting)
    except import_module("duckdb").Error:  # an old version that knows no string views
        assert "view" in setting
    found = base.sql("SELECT 'a tenant of many letters' AS tenant, 'a' AS kind, 2 AS calls")

    assert rate(found, SIMPLE, by="tenant", labels="kind").project(f"tenant, {LINE}").fetchall() == [
        ("a tenant of many letters", "usage", "calls{kind=a}", "calls{kind=a}", Decimal(2), Decimal(6))
    ]
    assert [row[-1] for row in rate_rows(found, SIMPLE, labels=["tenant", "kind"]).fetchall()] == [6]
    assert [row[-1] for row in rate_rows(found, PLAN, labels=["tenant", "kind"]).fetchall()] == [6]


@pytest.mark.parametrize(
    "name", ["rows with a null or negative quantity", "c0", "k0", "is_long", "rows", "odd"]
)
def test_a_column_may_have_any_name(base, name):
    found = base.sql(f'SELECT 2 AS calls, 7 AS "{name}"')
    bill = ("7", "usage", "calls", "calls", Decimal(2), Decimal(2))

    lines = rate(found, SIMPLE, by=name).project(f'"{name}", {LINE}').fetchall()
    assert [(str(row[0]), *row[1:]) for row in lines] == [bill]
    assert rate_rows(found, SIMPLE, labels=name).fetchall() == [(2, 7, 2)]
    long = base.sql(f'SELECT 90000000000000000000000000000000000000 AS calls, 7 AS "{name}" FROM range(2)')
    with pytest.raises(QuantityOverflow, match=f"'{name}=7'"):
        rate(long, SIMPLE, by=name)


def test_rows_of_many_labels_are_rated_on_arrays(base):
    found = base.sql("SELECT 'r' || range AS region, 2 AS calls FROM range(101)")
    each = BillingPlan.on_demand(
        PriceSchedule({"calls": Graduated([Tier(1, 5), Tier(None, 1)]).each("region")})
    )

    rows = rate_rows(found, each, labels="region")

    assert rows.fetchall() == [(f"r{n}", 2, 6) for n in range(101)]
    assert rows.columns == ["region", "calls", "amount"]


def test_nulls_that_name_no_meter_are_counted_in_rows(base):
    found = base.sql("SELECT unnest(['calls', NULL, NULL]) AS meter, 1 AS quantity")

    with pytest.raises(UnreadableInput, match="2 null in column 'meter'"):
        rate_rows(found, SIMPLE)


@pytest.mark.parametrize("lossless", ["true", "false"])
@pytest.mark.parametrize(
    ("cell", "key"), [("true", True), ("7::HUGEINT", Decimal(7)), (f"'{UUID}'::UUID", UUID)]
)
def test_a_setting_of_arrow_changes_no_key(base, lossless, cell, key):
    base.execute(f"SET arrow_lossless_conversion = {lossless}")
    found = base.sql(f"SELECT {cell} AS team, 2 AS calls")
    priced = BillingPlan.on_demand(PriceSchedule({"calls": 1, f"calls{{team={key}}}": 3}))

    assert rate(found, priced, by="team").project("team, amount").fetchall() == [(key, 2)]
    assert rate(found, priced, labels="team").project("amount").fetchall() == [(6,)]
    assert [row[-1] for row in rate_rows(found, priced, labels="team").fetchall()] == [6]


def test_an_error_of_the_query_itself_is_not_taken_for_ours(base):
    with pytest.raises(import_module("duckdb").ConversionException):
        rate(
            base.sql("SELECT CAST(x AS INTEGER) AS calls FROM (SELECT 'x' || range AS x FROM range(2))"),
            SIMPLE,
        )


@pytest.mark.parametrize("ask", [rate, rate_rows])
def test_labels_of_too_many_digits_are_refused(base, ask):
    found = base.sql(f"SELECT {2**127 - 1}::HUGEINT AS team, 1 AS calls")

    with pytest.raises(UnreadableInput, match="more than 38 digits: 'team'"):
        ask(found, BillingPlan.on_demand(PriceSchedule({"calls": 1, "calls{team=7}": 3})), labels="team")
