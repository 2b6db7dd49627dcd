"""Data frames of Dask are added up partition by partition, by any scheduler, and stay lazy."""

from collections import Counter
from decimal import Decimal
from importlib import import_module

import pytest

from tests.support.engines import engine_of
from tokenbill import Bill, BillingPlan, Graduated, PriceSchedule, Tier
from tokenbill.errors import InvalidUsage, UnreadableInput
from tokenbill.frames import rate, rate_rows

PLAN = BillingPlan.on_demand(PriceSchedule(calls=Graduated([Tier(10, "0.10"), Tier(None, "0.05")])))


@pytest.fixture(autouse=True)
def dask():
    engine_of("dask")


def partitioned(columns, npartitions):
    frame = import_module("pandas").DataFrame(columns)
    return import_module("dask.dataframe").from_pandas(frame, npartitions=npartitions)


def of_parts(*parts):
    """A frame whose partitions need not be of one type, as files need not."""
    pandas, delayed = import_module("pandas"), import_module("dask").delayed
    return import_module("dask.dataframe").from_delayed(
        [delayed(pandas.DataFrame)(part) for part in parts],
        meta=pandas.DataFrame(parts[0]).iloc[:0],
        verify_meta=False,
    )


def test_the_sums_of_many_partitions_are_joined_as_one():
    columns = {"tenant": [n % 7 for n in range(100)], "calls": [n * n for n in range(100)]}
    used = Counter()
    for tenant, calls in zip(*columns.values(), strict=True):
        used[tenant] += calls

    bills = rate(partitioned(columns, 67), PLAN, by="tenant").compute(scheduler="synchronous")

    assert bills.groupby("tenant")["amount"].sum().to_dict() == {
        tenant: Bill.of({"calls": calls}, PLAN).total for tenant, calls in used.items()
    }


def test_columns_have_the_types_that_were_told_before():
    frame = partitioned({"tenant": ["a", "b"], "calls": [11, 1]}, 2)

    for found in (rate(frame, PLAN, by="tenant"), rate_rows(frame, PLAN, meters=["calls"])):
        assert found.dtypes.to_dict() == found.compute(scheduler="synchronous").dtypes.to_dict()


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_what_is_refused_names_the_partition(scheduler):
    frame = partitioned({"calls": [1, 2, 3, -4]}, 2)

    with pytest.raises(
        InvalidUsage, match="1 negative in column 'calls', the first in: 'row 1 of partition 1'"
    ):
        rate(frame, PLAN).compute(scheduler=scheduler)


def test_partitions_that_name_groups_by_other_types_are_refused():
    frame = of_parts({"tenant": ["1"], "calls": [1]}, {"tenant": [1], "calls": [1]})

    with pytest.raises(UnreadableInput, match="a key of several types"):
        rate(frame, PLAN, by="tenant").compute(scheduler="synchronous")


def test_partitions_of_other_decimals_are_added_up():
    pandas, pa = import_module("pandas"), import_module("pyarrow")

    def column(text):
        number = Decimal(text)
        kind = pandas.ArrowDtype(pa.decimal128(38, -number.as_tuple().exponent))
        return pandas.Series([number], dtype=kind)

    bills = rate(of_parts({"calls": column("1.5")}, {"calls": column("9.75")}), PLAN)

    assert bills.compute(scheduler="synchronous")["quantity"].tolist()[0] == Decimal("11.25")


def test_a_series_is_refused():
    with pytest.raises(UnreadableInput, match="not a data frame"):
        rate(partitioned({"calls": [1]}, 1)["calls"], PLAN)
