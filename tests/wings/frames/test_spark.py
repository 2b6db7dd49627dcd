"""No setting of a session of Spark changes a digit, and what it refuses names meter and group."""

from decimal import Decimal

import pytest

from tests.support.engines import Decimals, arrow_table, engine_of, spark_frame, spark_session
from tokenbill import BillingPlan, Graduated, PerUnit, PriceSchedule, Tier
from tokenbill.errors import TokenbillError
from tokenbill.frames import rate, rate_rows

HOSTILE = [
    {"spark.sql.ansi.enabled": ansi, "spark.sql.decimalOperations.allowPrecisionLoss": loss}
    for ansi in ("false", "true")
    for loss in ("true", "false")
]
PLAN = BillingPlan.on_demand(
    PriceSchedule(
        {
            "calls": Graduated([Tier(10, "0.123456789"), Tier(None, "0.000000001")]),
            "gpu": PerUnit("0.10", per=3600),
        }
    )
)


@pytest.fixture(autouse=True)
def spark():
    engine_of("pyspark")
    return spark_session()


@pytest.fixture(params=HOSTILE, ids=lambda params: "-".join(params.values()))
def session(request, spark):
    before = {name: spark.conf.get(name) for name in request.param}
    for name, value in request.param.items():
        spark.conf.set(name, value)
    yield spark
    for name, value in before.items():
        spark.conf.set(name, value)


def raised(frame):
    """What Spark raises when a frame is looked at."""
    with pytest.raises(engine_of("pyspark").bill_refusals(TokenbillError)) as told:
        frame.toArrow()
    return str(told.value)


@pytest.mark.parametrize(
    ("meter", "cells", "quantity", "amount"),
    [
        # 10 × 0.123456789 + (2 × (2^63 − 1) − 10) × 0.000000001
        ("calls", [2**63 - 1, 5, 2**63 - 1], "18446744073709551614", "18446744074.944119494"),
        # 123456789.987654322 ÷ 36000, to 18 places
        (
            "gpu",
            Decimals([Decimal("0.000000001"), Decimal(36), Decimal("123456789.987654321")], 9),
            "123456789.987654322",
            "3429.355277434842277778",
        ),
    ],
)
def test_no_setting_changes_a_digit_of_a_bill(session, meter, cells, quantity, amount):
    frame = spark_frame({"tenant": ["a", "b", "a"], meter: cells})

    bills = rate(frame, PLAN, by="tenant").toArrow().to_pylist()

    assert [
        (row["quantity"], row["amount"]) for row in bills if row["tenant"] == "a" and row["kind"] == "usage"
    ] == [(Decimal(quantity), Decimal(amount))]


def test_no_setting_changes_a_digit_of_a_row(session):
    rows = rate_rows(spark_frame({"calls": [2**63 - 1, 11], "gpu": [1, 0]}), PLAN).toArrow().to_pylist()

    assert {row["calls"]: row["amount"] for row in rows} == {
        # 10 × 0.123456789 + (2^63 − 11) × 0.000000001 + 0.10 ÷ 3600, to 18 places
        2**63 - 1: Decimal("9223372038.089371464777777778"),
        11: Decimal("1.234567891"),
    }


def test_a_sum_that_no_decimal_holds_is_refused_in_any_session(session):
    columns = {"tenant": ["a", "b", "b"], "calls": Decimals([Decimal(1), *[Decimal(10**38 - 1)] * 2], 0)}

    told = raised(rate(spark_frame(columns), PLAN, by="tenant"))

    assert "QuantityOverflow" in told
    assert "calls" in told
    assert "tenant=b" in told


def test_what_is_refused_tells_how_many_and_the_group(session):
    columns = {"tenant": ["a", "b", "b"], "calls": [1, -1, -2]}

    assert "2 negative in column 'calls', the first in: 'tenant=b'" in raised(
        rate(spark_frame(columns), PLAN, by="tenant")
    )


def test_the_bill_of_nothing_has_its_fees():
    plan = BillingPlan.subscription("20", PLAN.prices)
    long = {"meter": ["calls"], "quantity": [1]}

    for columns, asked in ((long, {}), ({"calls": [1]}, {})):
        empty = spark_frame(columns).limit(0)
        assert [row["amount"] for row in rate(empty, plan, **asked).toArrow().to_pylist()] == [Decimal(20)]


def test_names_of_columns_need_no_quoting():
    table = arrow_table({"te`n.ant": ["a", "b"], "TENANT": ["x", "y"], "calls": [1, 2]})
    frame = spark_session().createDataFrame(table)

    bills = rate(frame, PLAN, by=["te`n.ant", "TENANT"], meters=["calls"]).toArrow().to_pylist()

    assert {row["te`n.ant"]: row["quantity"] for row in bills if row["kind"] == "usage"} == {"a": 1, "b": 2}


def test_columns_that_a_session_takes_for_one_another_are_told_apart():
    frame = spark_session().sql("SELECT 1 AS calls, 2 AS CALLS, 3 AS x, 4 AS x")

    rows = rate_rows(frame, PLAN, meters=["calls"]).toArrow()

    assert [(column[0].as_py()) for column in rows.columns] == [1, 2, 3, 4, Decimal("0.123456789")]


def test_text_of_any_collation_names_the_bill_and_the_meter_that_it_spells():
    frame = spark_session().sql(
        "SELECT tenant COLLATE UTF8_LCASE AS tenant, meter COLLATE UTF8_LCASE AS meter, 1 AS quantity "
        "FROM VALUES ('a', 'calls'), ('a', 'gpu'), ('A', 'calls') AS events(tenant, meter)"
    )

    rows = rate(frame, PLAN, by="tenant").toArrow().to_pylist()

    assert sorted((row["tenant"], row["meter"]) for row in rows if row["kind"] == "usage") == [
        ("A", "calls"),
        ("a", "calls"),
        ("a", "gpu"),
    ]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("spark.sql.execution.arrow.maxRecordsPerBatch", "1"),
        ("spark.sql.execution.arrow.useLargeVarTypes", "true"),
        ("spark.sql.caseSensitive", "true"),
        ("spark.sql.session.timeZone", "America/St_Johns"),
        ("spark.sql.adaptive.enabled", "false"),
        ("spark.sql.codegen.wholeStage", "false"),
    ],
)
def test_no_setting_of_how_a_query_runs_changes_it(spark, setting, value):
    columns = {
        "tenant": ["a", "b", "a", "a"],
        "meter": ["calls", "calls", "gpu", "calls"],
        "region": [None, "eu", "eu", "us"],
        "quantity": [4, 5, 36, 7],
    }
    before = spark.conf.get(setting)
    spark.conf.set(setting, value)
    try:
        bills = rate(spark_frame(columns), PLAN, by="tenant", labels="region").toArrow().to_pylist()
        rows = rate_rows(spark_frame(columns), PLAN, labels="region").toArrow()["amount"].to_pylist()
    finally:
        spark.conf.set(setting, before)

    sums = dict[tuple[str, str], Decimal]()
    for row in bills:
        if row["kind"] == "usage":  # a row for each region
            key = row["tenant"], row["meter"]
            sums[key] = sums.get(key, Decimal(0)) + row["amount"]
    assert sums == {
        ("a", "calls"): Decimal("1.234567891"),  # 10 × 0.123456789 + 0.000000001
        ("a", "gpu"): Decimal("0.001"),
        ("b", "calls"): Decimal("0.617283945"),
    }
    assert rows == [
        Decimal("0.493827156"),
        Decimal("0.617283945"),
        Decimal("0.001"),
        Decimal("0.864197523"),
    ]


def test_a_stream_is_refused_whose_bills_would_change_after_they_were_written():
    stream = spark_session().readStream.format("rate").load().withColumnRenamed("value", "calls")

    for work in (rate, rate_rows):
        with pytest.raises(TokenbillError, match="a stream, which has no last row"):
            work(stream, PLAN, meters=["calls"])


def test_a_frame_of_another_kind_of_spark_is_refused():
    class DataFrame:
        __module__ = "pyspark.pandas.frame"

    with pytest.raises(TokenbillError, match="not a data frame of Spark SQL"):
        rate(DataFrame(), PLAN)
