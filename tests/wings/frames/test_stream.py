"""Files of any size are billed batch by batch to the digits of ``rate``, and refused with file and row."""

import csv
import gzip
from collections import defaultdict
from decimal import Decimal
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="not run: install pyarrow to test frames.stream")

from tests.support.engines import arrow_table
from tests.wings.frames.frame_bills import TRAFFIC, plans_and_events, quantity_column
from tokenbill import Bill, BillingPlan, Graduated, PerUnit, PriceSchedule, Tier, UnpricedUsage
from tokenbill.errors import (
    InvalidNumber,
    InvalidPlan,
    InvalidPrice,
    InvalidUsage,
    MissingExtra,
    QuantityOverflow,
    TokenbillError,
    UnreadableInput,
)
from tokenbill.frames import rate, stream

PLAN = BillingPlan.on_demand(
    PriceSchedule({"calls": Graduated([Tier(10, "0.10"), Tier(None, "0.05")]), "gpu": PerUnit("0.25")})
)
SUFFIXES = ["parquet", "csv", "csv.gz"]
every_form = pytest.mark.parametrize("suffix", SUFFIXES)


def written(path, table):
    """A table as a file of the kind that its name says."""
    if path.suffix == ".parquet":
        import_module("pyarrow.parquet").write_table(table, path)
        return path
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(table.schema.names)
        rows.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return path


def plain(table):
    """The rows of bills, whatever decimals their columns have."""
    return [
        {key: cell.normalize() if isinstance(cell, Decimal) else cell for key, cell in row.items()}
        for row in table.to_pylist()
    ]


# ---------------------------------------------------------------- the digits of rate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("usage")


@every_form
@settings(max_examples=settings.default.max_examples // 2)
@given(plans_and_events(), st.integers(1, 3), st.integers(1, 4))
def test_files_are_billed_as_one_frame(suffix, folder, drawn, batch, pending):
    plan, places, events = drawn
    tenants, meters, numbers = (list(cells) for cells in zip(*events, strict=True))
    columns = {"tenant": tenants, "meter": meters, "quantity": quantity_column(numbers, places)}
    table = arrow_table(columns)
    half = len(events) // 2
    files = [
        written(folder / f"{name}.{suffix}", part)
        for name, part in (("a", table[:half]), ("b", table[half:]))
    ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokenbill.frames.files.BATCH", batch)
        patch.setattr("tokenbill.frames.batches.PENDING", pending)
        try:
            expected = plain(rate(table, plan, by="tenant"))
        except (InvalidPrice, QuantityOverflow) as error:
            with pytest.raises(type(error)):
                stream(files, plan, by="tenant")
        else:
            assert plain(stream(files, plan, by="tenant")) == expected


@every_form
def test_a_wide_file_has_a_column_for_each_meter(suffix, tmp_path):
    columns = {"tenant": ["a", "b", "a"], "calls": [8, 1, 7], "gpu": [0, 4, 2], "note": ["x", None, "y\nz"]}
    path = written(tmp_path / f"usage.{suffix}", arrow_table(columns))

    bills = stream(path, PLAN, "tenant", meters=["calls", "gpu"])

    assert [(row["tenant"], row["meter"], row["amount"]) for row in bills.to_pylist()] == [
        ("a", "calls", Decimal("1.25")),  # 10 × 0.10 + 5 × 0.05
        ("a", "gpu", Decimal("0.50")),
        ("b", "calls", Decimal("0.10")),
        ("b", "gpu", Decimal("1.00")),
    ]


@every_form
def test_labels_are_read_from_their_columns(suffix, tmp_path):
    plan = BillingPlan.on_demand(PriceSchedule({"gpu": 1, "gpu{kind=H100}": 3}))
    columns = {"meter": ["gpu"] * 3, "kind": ["H100", None, "A100"], "quantity": [1, 5, 7]}
    path = written(tmp_path / f"usage.{suffix}", arrow_table(columns))

    # "kind" is a column of the bill itself, so that the label comes back by a longer name
    lines = stream(path, plan, labels="kind").to_pylist()
    assert [(row["meter"], row["label_kind"], row["amount"]) for row in lines] == [
        ("gpu", None, Decimal(5)),
        ("gpu", "A100", Decimal(7)),
        ("gpu{kind=H100}", "H100", Decimal(3)),
    ]


def test_text_keeps_every_digit_and_stays_text(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("tenant,calls\n007,0.1\n7,30000000000000000000\n007,0.20\nNA,1\n", encoding="utf-8-sig")

    bills = stream(path, PLAN, by="tenant").to_pylist()

    assert {row["tenant"]: row["quantity"] for row in bills if row["kind"] == "usage"} == {
        "007": Decimal("0.3"),
        "7": Decimal(3 * 10**19),
        "NA": Decimal(1),
    }


@every_form
def test_sums_of_many_batches_do_not_wrap(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("tokenbill.frames.files.BATCH", 2)
    monkeypatch.setattr("tokenbill.frames.batches.PENDING", 1)
    path = written(tmp_path / f"usage.{suffix}", arrow_table({"gpu": [2**62] * 9}))

    assert stream(path, PLAN).to_pylist()[0]["quantity"] == 9 * 2**62


def test_a_folder_is_all_its_files_of_any_depth_and_kind(tmp_path):
    (tmp_path / "may").mkdir()
    (tmp_path / "_SUCCESS").touch()
    written(tmp_path / "a.csv", arrow_table({"calls": [3]}))
    written(tmp_path / "may" / "b.parquet", arrow_table({"calls": [4]}))

    assert stream(str(tmp_path), PLAN).to_pylist()[0]["quantity"] == 7


@every_form
def test_a_file_without_rows_is_the_bill_of_nothing(suffix, tmp_path):
    plan = BillingPlan.subscription("20", PLAN.prices)
    path = written(tmp_path / f"usage.{suffix}", arrow_table({"tenant": ["a"], "calls": [1]})[:0])

    assert stream(path, plan, by="tenant").num_rows == 0
    assert [row["amount"] for row in stream(path, plan, meters=["calls"]).to_pylist()] == [Decimal(20)]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        (["a,calls,1x3"], InvalidNumber, "not a number in column 'quantity' in row 2 of usage.csv: '1x3'"),
        (["a,calls,0x1F"], InvalidNumber, "row 2 of usage.csv: '0x1F'"),
        (["a,calls, 1"], InvalidNumber, "row 2 of usage.csv: ' 1'"),
        (["a,calls,nan"], InvalidNumber, "row 2 of usage.csv: 'nan'"),
        (["a,calls,٣"], InvalidNumber, "row 2 of usage.csv"),
        (["a,calls,1.5", "a,calls,-1"], InvalidUsage, "1 negative .* 'row 3 of usage.csv'"),
        (["a,calls,"], InvalidUsage, "1 null in column 'quantity', the first in: 'row 2 of usage.csv'"),
        (["a,calls," + "9" * 39], InvalidNumber, "more than 38 digits, .* in row 2 of usage.csv"),
        (["a,calls,999999999." + "1" * 30], InvalidNumber, "more than 38 digits, .* in row 2 of usage.csv"),
        (["a,calls,0." + "1" * 31], InvalidNumber, "or 30 decimals, in column .* row 2 of"),
        ([",calls,1"], UnreadableInput, "1 null in column 'tenant', the first in: 'row 2 of usage.csv'"),
        (["a,,1"], UnreadableInput, "1 null in column 'meter', the first in: 'row 2 of usage.csv'"),
        (["a,b,1"], UnpricedUsage, "no price for meter 'b'"),
        (["a,calls,1,2"], UnreadableInput, "usage.csv.*row 2 has too many or too few cells"),
        (["a,calls"], UnreadableInput, "usage.csv.*row 2 has too many or too few cells"),
        (["\udcff,calls,1"], UnreadableInput, "usage.csv"),
    ],
)
def test_a_bad_row_of_csv_is_refused_with_its_place(rows, error, told, tmp_path):
    path = tmp_path / "usage.csv"
    text = "\n".join(["tenant,meter,quantity", "a,gpu,1", "b,calls,2", *rows])
    path.write_text(text, encoding="utf-8", errors="surrogateescape")

    with pytest.raises(error, match=told):
        stream(path, PLAN, by="tenant")


@pytest.mark.parametrize(
    ("cells", "error", "told"),
    [
        ([1, None], InvalidUsage, "1 null in column 'calls', the first in: 'row 7 of usage.parquet'"),
        ([1, -1], InvalidUsage, "1 negative in column 'calls', the first in: 'row 7 of usage.parquet'"),
        ([1.0, 2.0], InvalidNumber, "column 'calls' holds floats"),
        ([1.5, 2.0], InvalidNumber, "if all are whole numbers, cast it: in usage.parquet, write"),
        (["1", "2"], InvalidNumber, "no numbers"),
    ],
)
def test_a_bad_row_of_parquet_is_refused_with_its_place(cells, error, told, tmp_path, monkeypatch):
    pa = import_module("pyarrow")
    monkeypatch.setattr("tokenbill.frames.files.BATCH", 3)
    kinds = {float: 0.0, str: "0"}
    table = pa.table({"calls": [kinds.get(type(cells[0]), 0)] * 6 + cells})

    with pytest.raises(error, match=told):
        stream(written(tmp_path / "usage.parquet", table), PLAN)


def test_an_overflow_names_meter_and_group(tmp_path):
    plan = BillingPlan.on_demand(PriceSchedule(calls=10**18))
    path = tmp_path / "usage.csv"
    path.write_text(f"tenant,calls\na,1\nb,{10**20}\n", encoding="utf-8")

    with pytest.raises(QuantityOverflow, match=r"calls.*tenant=b"):
        stream(path, plan, by="tenant")


@pytest.mark.parametrize(
    "given_path", ["gone.csv", "gone", 5, None, [], [3], "notes.txt", "junk.parquet", "x" * 5000]
)
def test_what_is_no_file_of_usage_is_refused_by_name(given_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "junk.parquet").write_bytes(b"junk")

    with pytest.raises(UnreadableInput) as told:
        stream(given_path, PLAN)
    assert str(tmp_path) not in str(told.value)


@every_form
def test_files_with_other_columns_than_the_first_are_refused(suffix, tmp_path):
    first = written(tmp_path / f"a.{suffix}", arrow_table({"tenant": ["x"], "calls": [1]}))
    second = written(tmp_path / f"b.{suffix}", arrow_table({"tenant": ["x"], "gpu": [1]}))

    with pytest.raises(UnreadableInput, match=f"other columns than the first: 'b.{suffix}'"):
        stream([first, second], PLAN, by="tenant")


def test_files_that_name_groups_by_other_types_are_refused(tmp_path):
    first = written(tmp_path / "a.parquet", arrow_table({"tenant": ["1"], "calls": [1]}))
    second = written(tmp_path / "b.parquet", arrow_table({"tenant": [1], "calls": [1]}))

    with pytest.raises(UnreadableInput, match=r"column 'tenant' of another type .*'b\.parquet'"):
        stream([first, second], PLAN, by="tenant")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("calls,calls\n1,2\n", encoding="utf-8")

    with pytest.raises(UnreadableInput, match="twice: 'calls'"):
        stream(path, PLAN)


def test_what_is_no_plan_is_refused(tmp_path):
    with pytest.raises(InvalidPlan):
        stream(tmp_path, None)


# ---------------------------------------------------------------- progress


def test_a_function_is_told_how_many_rows_were_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tokenbill.frames.files.BATCH", 4)
    path, told = written(tmp_path / "usage.parquet", arrow_table({"calls": [1] * 10})), []

    stream(path, PLAN, progress=told.append)

    assert told == [4, 4, 2]


@every_form
def test_a_bar_shows_the_rows(suffix, tmp_path, capsys):
    pytest.importorskip("tqdm", reason="not run: install tqdm to test the progress bar")
    path = written(tmp_path / f"usage.{suffix}", arrow_table({"calls": [1] * 10}))

    stream(path, PLAN, progress=True)

    assert "10.0" in capsys.readouterr().err
    stream(path, PLAN)
    assert not capsys.readouterr().err


def test_a_bar_without_tqdm_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(import_module("sys").modules, "tqdm", None)
    path = written(tmp_path / "usage.csv", arrow_table({"calls": [1]}))

    with pytest.raises(MissingExtra, match="pip install tqdm"):
        stream(path, PLAN, progress=True)


def test_what_can_watch_nothing_is_refused(tmp_path):
    path = written(tmp_path / "usage.csv", arrow_table({"calls": [1]}))

    with pytest.raises(TokenbillError, match="not a progress"):
        stream(path, PLAN, progress=3)


# ---------------------------------------------------------------- real traffic


@pytest.mark.skipif(not TRAFFIC.exists(), reason="not run without the shared traffic, genai_requests.csv")
def test_real_traffic_is_billed_from_its_file():
    meters = ["exec_time_seconds", "num_inference_steps"]
    plan = BillingPlan.on_demand(
        PriceSchedule(exec_time_seconds=PerUnit("0.10", per=3600), num_inference_steps="0.001")
    )
    with TRAFFIC.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert any(not row["num_inference_steps"] for row in rows)  # some cells are empty

    with pytest.raises(InvalidUsage, match=r"null in column 'num_inference_steps'.*genai_requests\.csv"):
        stream(TRAFFIC, plan, by="groupId", meters=meters)

    bills = stream(TRAFFIC, plan, by="groupId", meters=meters[:1])
    usage = defaultdict(Decimal)
    for row in rows:
        usage[row["groupId"]] += Decimal(row["exec_time_seconds"])
    totals = defaultdict(Decimal)
    for row in bills.to_pylist():
        totals[row["groupId"]] += row["amount"]
    assert len(usage) == 4247
    assert {tenant: totals[tenant] for tenant in usage} == {
        tenant: Bill.of({"exec_time_seconds": used}, plan).total for tenant, used in usage.items()
    }


# ---------------------------------------------------------------- files of several writers


def arrow(**columns):
    """A table whose columns may be of any type."""
    pa = import_module("pyarrow")
    return pa.table(
        {name: pa.array(cells, kind and getattr(pa, kind)()) for name, (cells, kind) in columns.items()}
    )


def two_files(tmp_path, first, second):
    try:
        return [
            written(tmp_path / f"{name}.parquet", arrow(**file))
            for name, file in (("a", first), ("b", second))
        ]
    except import_module("pyarrow").ArrowNotImplementedError:
        pytest.skip("not run: install a newer pyarrow, which writes views into Parquet")


TEXTS = ["string", "large_string", "string_view"]


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("other", [*TEXTS, None])
def test_texts_of_several_types_name_the_same_groups(kind, other, tmp_path):
    other_cells = (
        import_module("pyarrow").array(["x", "z"]).dictionary_encode() if other is None else ["x", "z"]
    )
    files = two_files(
        tmp_path,
        {"tenant": (["x", "y"], kind), "calls": ([1, 2], None)},
        {"tenant": (other_cells, other), "calls": ([4, 8], None)},
    )

    for given_files in (files, files[::-1]):
        bills = stream(given_files, PLAN, by="tenant").to_pylist()
        assert {row["tenant"]: row["quantity"] for row in bills if row["kind"] == "usage"} == {
            "x": 5,
            "y": 2,
            "z": 8,
        }


@pytest.mark.parametrize("kind", [*TEXTS, "int64"])
def test_a_label_may_be_missing_in_a_whole_file(kind, tmp_path):
    plan = BillingPlan.on_demand(PriceSchedule({"gpu": 1, "gpu{kind=7}": 3}))
    files = two_files(
        tmp_path,
        {"meter": (["gpu"], None), "kind": ([None], "null"), "quantity": ([1], None)},
        {"meter": (["gpu"], None), "kind": ([7 if kind == "int64" else "7"], kind), "quantity": ([2], None)},
    )

    for given_files in (files, files[::-1]):
        bills = stream(given_files, plan, labels="kind").to_pylist()
        assert [(row["meter"], row["amount"]) for row in bills] == [("gpu", 1), ("gpu{kind=7}", 6)]


def test_a_later_file_without_a_column_is_refused_by_its_name(tmp_path):
    files = two_files(
        tmp_path,
        {"tenant": (["x"], None), "calls": ([1], None)},
        {"customer": (["x"], None), "calls": ([1], None)},
    )

    with pytest.raises(UnreadableInput, match=r"^b\.parquet: no such column: 'tenant'"):
        stream(files, PLAN, by="tenant", meters=["calls"])
    with pytest.raises(UnreadableInput, match=r"^a\.parquet: no such column: 'customer'"):
        stream(files, PLAN, by="customer", meters=["calls"])


@every_form
def test_a_meter_without_a_price_is_refused_with_file_and_row(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("tokenbill.frames.files.BATCH", 2)
    files = [
        written(tmp_path / f"{name}.{suffix}", arrow_table({"meter": meters, "quantity": [1] * 5}))
        for name, meters in (("a", ["gpu"] * 5), ("b", ["gpu", "calls", "gpu", "calls", "tokens"]))
    ]

    with pytest.raises(UnpricedUsage, match=rf"^row 4 of b\.{suffix}: no price for meter 'tokens'") as told:
        stream(files, PLAN)
    assert told.value.meter == "tokens"


@pytest.mark.parametrize("in_two", [False, True])
def test_a_number_of_csv_is_refused_by_itself_and_not_for_its_neighbours(in_two, tmp_path):
    small, large = "0." + "0" * 29 + "1", "99999999999"
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    for name, rows in {"a": [small], "b": [large]}.items() if in_two else {"a": [small, large]}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["tenant,calls", *(f"{len(r)},{r}" for r in rows)]))

    with pytest.raises(QuantityOverflow, match=r"'calls' of 'tenant=11': 99999999999 is more than"):
        stream(tmp_path, plan, by="tenant", scale=30)
    for path in tmp_path.glob("*.csv"):
        path.write_text(path.read_text().replace(large, large[:5]))
    bills = plain(stream(tmp_path, plan, by="tenant", scale=30))
    assert [row["quantity"] for row in bills if row["kind"] == "usage"] == [Decimal(small), 99999]
