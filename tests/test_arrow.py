"""What PyArrow and pandas alone have: chunks, views, dictionaries, wide decimals, short floats, batches."""

from decimal import Decimal

import pytest

from tokenbill import BillingPlan, PriceSchedule
from tokenbill.errors import UnreadableInput
from tokenbill.frames import rate, rate_rows

pytest.importorskip("pyarrow", reason="not run: install pyarrow to test frames of Arrow")
pytest.importorskip("pandas", reason="not run: install pandas to test frames of pandas")
import pyarrow as pa

PLAN = BillingPlan.on_demand(PriceSchedule({"calls": "0.50", "gpu{kind=H100}": 3, "gpu": 1}))


def used(table):
    """What each tenant used."""
    return {row["tenant"]: row["quantity"] for row in table.to_pylist() if row["kind"] == "usage"}


# ---------------------------------------------------------------- keys


def test_more_text_than_one_array_holds_is_billed():
    chunk = pa.array(["a" * 2**20, "b" * 2**20] * 32)
    tenants = pa.chunked_array([chunk] * 33)  # 2.06 GiB, of 64 MiB
    table = pa.table({"tenant": tenants, "calls": [2] * len(tenants)})

    assert used(rate(table, PLAN, "tenant", meters=["calls"])) == {
        "a" * 2**20: Decimal(2112),  # 33 × 32 × 2
        "b" * 2**20: Decimal(2112),
    }


@pytest.mark.parametrize("kind", ["string_view", "binary_view"])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_views_name_groups_and_meters(kind, is_chunked):
    cells = pa.array(["x", "y", "x"] if kind == "string_view" else [b"x", b"y", b"x"], getattr(pa, kind)())
    tenants = pa.chunked_array([cells]) if is_chunked else cells
    table = pa.table({"tenant": tenants, "calls": [1, 2, 4]})

    assert list(used(rate(table, PLAN, by="tenant")).values()) == [5, 2]


def test_a_meter_may_be_a_view():
    table = pa.table({"meter": pa.array(["calls", "gpu"], pa.string_view()), "quantity": [1, 2]})

    assert rate_rows(table, PLAN)["amount"].to_pylist() == [Decimal("0.5"), Decimal(2)]


def odd_dictionary(indices):
    """A dictionary with a null and a text that is there twice."""
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(["x", None, "y", "x"]))


def test_a_dictionary_that_holds_a_text_twice_is_one_group():
    cells = pa.chunked_array([odd_dictionary([3, 2, 0]), odd_dictionary([0])])

    assert used(rate(pa.table({"tenant": cells, "calls": [1, 2, 4, 8]}), PLAN, by="tenant")) == {
        "x": Decimal(13),
        "y": Decimal(2),
    }


@pytest.mark.parametrize("indices", [[0, 2, 1], [0, 2, None]])
def test_a_null_of_a_dictionary_is_refused_as_a_group_and_no_label(indices):
    cells = odd_dictionary(indices)

    with pytest.raises(UnreadableInput, match="1 null in column 'tenant', the first in: 'row 2'"):
        rate(pa.table({"tenant": cells, "calls": [1, 2, 4]}), PLAN, by="tenant")
    table = pa.table({"kind": cells, "meter": ["gpu"] * 3, "quantity": [1, 2, 4]})
    assert rate_rows(table, PLAN, labels="kind")["amount"].to_pylist() == [1, 2, 4]


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("rows", [0, 2])
def test_a_label_may_be_missing_everywhere(kind, rows):
    cells = pa.chunked_array([pa.nulls(1, kind)] * rows, kind)
    table = pa.table({"kind": cells, "meter": pa.array(["gpu"] * rows, pa.string()), "quantity": [1] * rows})
    table = table.set_column(2, "quantity", table["quantity"].cast(pa.int64()))

    assert rate_rows(table, PLAN, labels="kind")["amount"].to_pylist() == [1] * rows
    assert len(rate(table, PLAN, labels="kind")) == min(rows, 1)


def test_cells_that_tell_no_rows_apart_are_refused():
    with pytest.raises(UnreadableInput, match="cells that tell no rows apart"):
        rate(pa.table({"tenant": [[1], [2]], "calls": [1, 2]}), PLAN, by="tenant")


@pytest.mark.parametrize("by", [(), "tenant"])
def test_a_batch_of_records_is_rated(by):
    batch = pa.RecordBatch.from_pydict({"tenant": ["x", "y"], "calls": [1, 2]})

    assert isinstance(rate_rows(batch, PLAN, meters=["calls"]), pa.RecordBatch)
    assert sum(rate(batch, PLAN, by, meters=["calls"])["amount"].to_pylist()) == Decimal("1.5")
