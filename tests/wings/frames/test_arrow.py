"""What PyArrow and pandas alone have: chunks, views, dictionaries, wide decimals, short floats, batches."""

from decimal import Decimal

import pytest

from tokenbill import BillingPlan, PriceSchedule
from tokenbill.errors import (
    InvalidNumber,
    InvalidUsage,
    QuantityOverflow,
    TokenbillError,
    UnreadableInput,
)
from tokenbill.frames import rate, rate_rows

REASON = "not run: install pyarrow and pandas to test what they alone have"
pa = pytest.importorskip("pyarrow", reason=REASON)
pd = pytest.importorskip("pandas", reason=REASON)
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


# ---------------------------------------------------------------- numbers


def decimals(kind, cells):
    """A column of decimals, as a table."""
    return pa.table({"calls": pa.chunked_array([pa.array([Decimal(cell)], kind) for cell in cells], kind)})


@pytest.mark.parametrize(
    ("kind", "cells", "sums"),
    [
        (pa.decimal128(5, -2), ["100", "2300"], "2400"),
        (pa.decimal128(38, -2), ["1E20", "1E25"], "10000100000000000000000000"),
        (pa.decimal128(38, 38), ["0.5", "0.25"], "0.75"),
        (pa.decimal256(60, 40), ["1.5", "12345678901"], "12345678902.5"),
        (pa.decimal256(60, 40), ["0", "1E10"], "1E10"),
        (pa.decimal256(76, 30), ["99999999999", "0.5"], "99999999999.5"),
        (pa.decimal256(76, -3), ["1E20", "1E3"], "100000000000000001000"),
        (pa.decimal256(76, 0), ["9" * 20, "1"], "1" + "0" * 20),
    ],
)
def test_decimals_of_any_width_are_billed(kind, cells, sums):
    table = decimals(kind, cells)

    scale = (
        4 if "." not in sums or (kind.scale > 30 and kind.bit_width == 256) else 37 if kind.scale == 38 else 2
    )
    assert rate(table, PLAN, meters=["calls"], scale=scale)["quantity"].to_pylist()[0] == Decimal(sums)
    amounts = rate_rows(table, PLAN, scale=scale)["amount"].to_pylist()
    assert [2 * amount for amount in amounts] == [*map(Decimal, cells)]  # at 0.50


@pytest.mark.parametrize("cell", ["9" * 40, "1" + "0" * 60])
def test_a_decimal_of_too_many_digits_is_refused_with_its_row(cell):
    table = decimals(pa.decimal256(76, 0), ["1", cell])

    with pytest.raises(QuantityOverflow, match=r"calls.*row 1"):
        rate_rows(table, PLAN)
    with pytest.raises(QuantityOverflow, match="calls"):
        rate(table, PLAN)
    with pytest.raises(QuantityOverflow, match="calls"):
        rate(pd.DataFrame({"calls": [Decimal(1), Decimal(cell)]}), PLAN)


def test_a_decimal_of_too_many_places_is_refused_with_its_row():
    table = decimals(pa.decimal256(60, 40), ["1.5", "0." + "1" * 40])

    with pytest.raises(InvalidNumber, match=r"more than 38 decimals in column 'calls' in row 1: 0\.111"):
        rate(table, PLAN)


def test_a_negative_decimal_of_any_width_is_refused():
    with pytest.raises(InvalidUsage, match="1 negative in column 'calls', the first in: 'row 1'"):
        rate(decimals(pa.decimal256(76, 0), ["1", "-" + "9" * 40]), PLAN)


@pytest.mark.parametrize("is_whole", [True, False])
def test_short_floats_are_refused_with_the_cast(is_whole):
    cells = pa.array([1.0, 2.0 if is_whole else 2.5], pa.float32()).cast(pa.float16())
    told = "cast it" if is_whole else "1 of them no whole numbers, the first in row 1"

    with pytest.raises(InvalidNumber, match=rf"floats.*{told}.*int64"):
        rate(pa.table({"calls": cells}), PLAN)
    with pytest.raises(InvalidNumber, match=rf"floats.*{told}.*int64"):
        rate(pd.DataFrame({"calls": pd.Series(cells.to_numpy(), dtype="float16")}), PLAN)


@pytest.mark.parametrize("null", [None, float("nan")])
def test_integers_with_nulls_that_pandas_makes_floats_are_refused_for_their_nulls(null):
    frame = pd.DataFrame({"calls": [1.0, null, 2.0, null]})

    for work in (rate, rate_rows):
        with pytest.raises(InvalidUsage, match=r"2 null in column 'calls', the first in: 'row 1'; fill in 0"):
            work(frame, PLAN)
    with pytest.raises(InvalidNumber, match="1 of them no whole numbers, the first in row 2"):
        rate(pd.DataFrame({"calls": [1.0, null, 2.5]}), PLAN)
    with pytest.raises(InvalidNumber, match="1 of them no whole numbers, the first in row 1"):
        rate(pa.table({"calls": [1.0, float("nan")]}), PLAN)


# ---------------------------------------------------------------- pandas


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"tenant": ["x", 1]},
            r"'tenant' holds cells of several kinds: 'int', 'str': .*astype\(str\)",
        ),
        (
            {"calls": [Decimal(1), "2"]},
            r"'calls' holds cells of several kinds: 'Decimal', 'str': .*make",
        ),
        ({"calls": [1, 2**70]}, r"'calls' holds integers of more than 64 bits: .*map\(decimal\.Decimal\)"),
        ({"tenant": ["x", "\udcff"]}, r"column 'tenant' holds text that is no Unicode: .*\.str\.encode"),
        ({"tenant": ["x", object()]}, r"column 'tenant' holds cells of several kinds: 'object', 'str'"),
        ({"tenant": [object(), object()]}, r"column 'tenant' holds cells of no known kind: 'object'"),
    ],
)
def test_cells_that_no_column_takes_are_refused_with_their_way_out(columns, told):
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    frame = pd.DataFrame({"tenant": ["x", "y"], "calls": [1, 2], **frame})

    with pytest.raises(TokenbillError, match=told):
        rate(frame, PLAN, by="tenant")


def test_the_way_out_for_long_integers_leads_out():
    frame = pd.DataFrame({"calls": pd.Series([1, 2**70], dtype=object).map(Decimal)})

    assert rate(frame, PLAN, scale=2)["quantity"].tolist()[0] == 2**70 + 1


def test_the_way_out_for_surrogates_leads_out():
    texts = pd.Series(["x", "\udcff"], dtype=object)
    frame = pd.DataFrame(
        {"tenant": texts.str.encode("utf-8", "replace").str.decode("utf-8"), "calls": [1, 2]}
    )

    assert set(rate(frame, PLAN, by="tenant")["tenant"]) == {"x", "?"}
