"""Files: usage summed out of their rows, and bills written as CSV and JSON."""

import csv
import io
import json
import os
import pickle
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Bill, BillingPlan, PerUnit, PriceSchedule, Usage
from tokenbill.errors import InvalidMeter, InvalidNumber, InvalidUsage, UnreadableInput, UnreadableRow
from tokenbill.files import read_usage, read_usage_by, to_csv, to_json, write_csv, write_json

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("TOKENBILL_SHARED", ROOT.parent / "shared"))
REQUESTS = SHARED / "data" / "genai_requests.csv"

USAGE = ROOT / "docs" / "usage.csv"
PLAN = BillingPlan.on_demand(PriceSchedule(gpu_seconds=PerUnit("0.10", per=3600), api_calls="0.01"))
COLUMNS = {"sums": {"gpu_hours": "gpu_hours"}, "counts": ["api_calls"]}

real_traffic = pytest.mark.skipif(not REQUESTS.exists(), reason="the shared traces are not at hand")


def bill_of(usage, about=None):
    return Bill.of(usage, PLAN, about=about or {})


def test_all_rows_of_a_file_are_one_usage():
    assert read_usage(USAGE, **COLUMNS) == Usage(gpu_hours="52.633", api_calls=12)


def test_the_rows_of_a_group_are_one_usage():
    assert read_usage_by(USAGE, "customer", **COLUMNS) == {
        "acme": Usage(gpu_hours="29.5", api_calls=5),  # 1.5 + 0.75 + 3.2 + 0.05 + 24
        "globex": Usage(gpu_hours="2.75", api_calls=4),  # 0.25 + 0.125 + 2 + 0.375
        "initech": Usage(gpu_hours="20.383", api_calls=3),  # 12 + 8.05 + 0.333
    }


def test_groups_may_be_of_several_columns():
    lines = ["region,customer,calls", "eu,b,1", "us,a,2", "eu,a,4", "eu,b,8"]

    groups = read_usage_by(lines, ("region", "customer"), sums={"api_calls": "calls"})

    assert list(groups.items()) == [
        (("eu", "a"), Usage(api_calls=4)),
        (("eu", "b"), Usage(api_calls=9)),
        (("us", "a"), Usage(api_calls=2)),
    ]


def test_without_sums_and_counts_a_row_names_its_meter():
    lines = [
        "meter,quantity",
        '"gpu_hours{region=eu, gpu=H100}",1.5',
        '"gpu_hours{gpu=H100,region=eu}",2',
        "calls,1",
    ]

    assert read_usage(lines) == Usage({"gpu_hours{gpu=H100,region=eu}": "3.5", "calls": 1})


def test_one_column_may_feed_several_meters_and_name_the_group():
    lines = ["calls", "2", "2", "3"]

    groups = read_usage_by(lines, "calls", sums=[("a", "calls"), ("b", "calls")], counts="c")

    assert groups == {"2": Usage(a=4, b=4, c=2), "3": Usage(a=3, b=3, c=1)}


def test_numbers_of_json_are_read_by_their_digits():
    lines = [
        '{"meter": "a", "quantity": 0.1}',
        '{"meter": "a", "quantity": "0.2"}',
        '{"meter": "a", "quantity": 1e2}',
    ]

    assert read_usage(lines) == Usage(a="100.3")


def test_a_whole_number_of_json_names_a_group():
    lines = ['{"customer": 7, "calls": 1}', '{"customer": "7", "calls": 2}']

    assert read_usage_by(lines, "customer", sums={"calls": "calls"}) == {"7": Usage(calls=3)}


def test_whole_sums_show_no_decimals():
    assert repr(read_usage(["calls", "32.0", "43.0"], sums={"calls": "calls"})) == "Usage({'calls': 75})"


def test_a_file_without_rows_is_no_usage():
    assert read_usage(["meter,quantity"]) == Usage()
    assert read_usage_by(["customer"], "customer", counts=["calls"]) == {}


def test_zeros_leave_a_group_that_used_nothing():
    assert read_usage_by(["customer,calls", "a,0"], "customer", sums={"calls": "calls"}) == {"a": Usage()}


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ("acme,", "hours", "''"),
        ('acme,"1,234"', "hours", "'1,234'"),
        ("acme,1e30", "hours", "'1e30'"),
        ("acme,NaN", "hours", "'NaN'"),
        ("acme, 1", "hours", "' 1'"),
        ("acme,-1", "hours", "'-1'"),
        (f"acme,1{'0' * 30}", "hours", f"'1{'0' * 30}'"),
        (",1", "customer", "''"),
        ("a\tb,1", "customer", r"'a\tb'"),
        (f"{'a' * 256},1", "customer", f"'{'a' * 78}…"),
    ],
)
def test_a_bad_cell_is_named_by_line_column_and_value(row, column, value):
    with pytest.raises(UnreadableRow) as caught:
        read_usage_by(["customer,hours", "acme,1", row], "customer", sums={"gpu_hours": "hours"})

    error = caught.value
    assert (error.file, error.line, error.column, error.value) == ("input", 3, column, value)
    assert str(error).startswith(f"input, line 3, column '{column}': ")
    assert error.__cause__ is None


def test_a_bad_meter_is_named():
    with pytest.raises(UnreadableRow, match="line 2, column 'meter'"):
        read_usage(["meter,quantity", "gpu hours,1"])


@pytest.mark.parametrize("cell", ["1.5", "true", "null"])
def test_a_group_of_json_is_text_or_a_whole_number(cell):
    with pytest.raises(UnreadableRow, match="column 'customer'"):
        read_usage_by([f'{{"customer": {cell}}}'], "customer", counts=["calls"])


def test_bad_rows_are_left_out_whole_and_handed_over():
    lines = ["customer,hours,calls", "a,1,1", "b,2,x", "a,y,2", "c", "a,3,4", "d,1\0,1"]
    bad = []

    usages = read_usage_by(lines, "customer", sums={"h": "hours", "c": "calls"}, on_bad_row=bad.append)

    assert usages == {"a": Usage(h=4, c=5)}
    assert [(row.line, row.column) for row in bad] == [(3, "calls"), (4, "hours"), (5, None), (7, None)]
    assert {row.__traceback__ for row in bad} == {row.__context__ for row in bad} == {None}
    assert str(pickle.loads(pickle.dumps(bad[0]))) == str(bad[0])


def test_bad_rows_of_json_are_left_out():
    lines = ['{"meter": "a", "quantity": 1}', "{", '{"meter": "a"}', '{"meter": "a", "quantity": 2}']
    bad = []

    assert read_usage(lines, on_bad_row=bad.append) == Usage(a=3)
    assert [row.line for row in bad] == [2, 3]


@pytest.mark.parametrize("lines", [["meter,meter,quantity"], ["meter"], [], ["meter,quantity", '"a,1']])
def test_what_makes_all_rows_doubtful_is_refused_in_any_case(lines):
    with pytest.raises(UnreadableRow):
        read_usage(lines, on_bad_row=lambda row: pytest.fail("was left out"))


def test_a_sum_beyond_the_limit_is_refused():
    with pytest.raises(InvalidNumber):
        read_usage(["calls", *["9" * 30] * 2], sums={"calls": "calls"})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"sums": {"calls": "calls"}, "counts": ["calls"]}, InvalidMeter),
        ({"sums": {"a{x=1}": "calls", "a{x = 1}": "calls"}}, InvalidMeter),
        ({"counts": ["a b"]}, InvalidMeter),
        ({"sums": ["calls"]}, InvalidUsage),
        ({"sums": 7}, InvalidUsage),
        ({"sums": {"calls": "absent"}}, UnreadableRow),
    ],
)
def test_columns_that_make_no_sense_are_refused(arguments, error):
    with pytest.raises(error):
        read_usage(["calls", "1"], **arguments)


def test_text_is_no_file():
    with pytest.raises(UnreadableInput):
        read_usage("docs/usage.csv")


CELLS = st.tuples(
    st.sampled_from(["a", "b", 'c,"', "é"]),
    st.decimals(0, 10**9, places=3),
    st.integers(0, 10**20),
    st.sampled_from(["", "a note\nof two lines"]),
)


def spelled(rows):
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("customer", "hours", "calls", "note"), *rows])
    stream.seek(0)
    return stream


def by_customer(source):
    return read_usage_by(source, "customer", sums={"h": "hours", "c": "calls"}, counts=["n"])


@given(st.lists(CELLS), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))

    assert list(by_customer(spelled(rows)).items()) == list(by_customer(spelled(shuffled)).items())


@given(st.lists(CELLS), st.integers(0, 10))
def test_files_add_up_to_the_file_of_all_their_rows(rows, at):
    early, late = by_customer(spelled(rows[:at])), by_customer(spelled(rows[at:]))

    assert by_customer(spelled(rows)) == {
        name: early.get(name, Usage()) + late.get(name, Usage()) for name in {**early, **late}
    }


@given(st.lists(CELLS))
def test_groups_add_up_to_the_whole(rows):
    whole = read_usage(spelled(rows), sums={"h": "hours", "c": "calls"}, counts=["n"])

    assert sum(by_customer(spelled(rows)).values(), Usage()) == whole


@given(st.lists(CELLS))
def test_json_lines_and_csv_give_the_same(rows):
    lines = [
        f'{{"customer": {json.dumps(name)}, "hours": {hours}, "calls": "{calls}"}}'
        for name, hours, calls, _ in rows
    ]

    assert by_customer(lines or ["customer,hours,calls"]) == by_customer(spelled(rows))


@given(st.one_of(st.text(), st.binary()), st.booleans())
def test_any_content_gives_usage_or_our_error(content, skip):
    stream = io.BytesIO(content) if isinstance(content, bytes) else io.StringIO(content, newline="")
    bad = []

    try:
        usage = read_usage(stream, counts=["n"], on_bad_row=bad.append if skip else None)
    except UnreadableInput:
        usage = Usage()

    assert set(usage) <= {"n"}


@given(st.lists(st.text(alphabet='a,"\n\r{}:1', max_size=12)))
def test_any_rows_give_usage_or_our_error(rows):
    bad = []

    try:
        usage = read_usage(["meter,quantity\n", *(f"{row}\n" for row in rows)], on_bad_row=bad.append)
    except UnreadableInput:
        usage = Usage()

    assert all(row.file == "input" for row in bad)
    assert all(quantity > 0 for quantity in usage.values())


@real_traffic
def test_real_traffic_is_billed_to_the_last_digit():
    usage = read_usage(REQUESTS, sums={"gpu_seconds": "exec_time_seconds"}, counts=["api_calls"])

    assert usage == Usage(gpu_seconds=768_899, api_calls=26_823)
    assert bill_of(usage).exact == Fraction(10425179, 36000)
    assert bill_of(usage).total == Decimal("289.59")


@real_traffic
def test_the_tenants_of_real_traffic_add_up():
    usages = read_usage_by(
        REQUESTS, "groupId", sums={"gpu_seconds": "exec_time_seconds"}, counts=["api_calls"]
    )
    bills = [bill_of(usage, {"groupId": tenant}) for tenant, usage in usages.items()]

    assert len(bills) == 4247
    assert sum(bill.exact for bill in bills) == Fraction(10425179, 36000)
    assert sum(bill.total for bill in bills) == Decimal("285.00")
    amounts = [Decimal(row["amount"]) for row in csv.DictReader(io.StringIO(to_csv(bills)))]
    assert sum(amounts) == Decimal("285.00")


def test_memory_does_not_grow_with_the_rows():
    def peak(rows):
        tracemalloc.start()
        read_usage(b"meter,quantity\n" if at == 0 else b"calls,%d\n" % at for at in range(rows))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = peak(10_000)

    assert peak(30_000) < 1.2 * few


def test_a_bill_is_written_as_csv():
    bill = bill_of(Usage(gpu_seconds=100, api_calls=3), {"customer": "acme, inc"})

    assert to_csv(bill) == (
        "customer,plan,kind,meter,description,quantity,rate,per,tier_from,tier_up_to,amount,currency\n"
        '"acme, inc",,usage,api_calls,api_calls,3,0.01,1,,,0.03,USD\n'
        '"acme, inc",,usage,gpu_seconds,gpu_seconds,100,0.10,3600,,,0.002777777777777778,USD\n'
        '"acme, inc",,rounding,,rounding,,,,,,-0.002777777777777778,USD\n'
    )


def test_a_bill_is_written_as_json():
    bill = bill_of(Usage(api_calls=3), {"customer": "=é"})

    assert to_json(bill) == (
        '[\n{"customer": "=é", "plan": "", "kind": "usage", "meter": "api_calls", "description": "api_calls",'
        ' "quantity": "3", "rate": "0.01", "per": "1", "tier_from": null, "tier_up_to": null,'
        ' "amount": "0.03", "currency": "USD"}\n]\n'
    )


def test_no_bill_is_an_empty_list():
    assert to_json([]) == "[]\n"
    assert to_csv([]) == "\n"
    assert to_json(bill_of(Usage())) == "[]\n"


def test_bills_with_different_notes_share_one_header():
    bills = [bill_of(Usage(api_calls=1), {"a": "x"}), bill_of(Usage(api_calls=1), {"b": "y"})]

    rows = list(csv.DictReader(io.StringIO(to_csv(bills))))

    assert [(row["a"], row["b"]) for row in rows] == [("x", ""), ("", "y")]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(1)", " =1+1", "+1", "-1", "＝1"])
def test_no_sheet_runs_a_text_as_a_formula(text):
    bill = bill_of(Usage(api_calls=1), {"customer": text, text.replace("=", "-"): "x"})

    header, row = csv.reader(io.StringIO(to_csv(bill)))

    assert f"'{text}" in row
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "＝")) for cell in (*header, *row))
    assert json.loads(to_json(bill))[0]["customer"] == text


def test_a_negative_amount_stays_a_number():
    bill = bill_of(Usage(gpu_seconds=1))

    assert [row["amount"] for row in csv.DictReader(io.StringIO(to_csv(bill)))] == [
        "0.000027777777777778",
        "-0.000027777777777778",
    ]


def test_bills_are_written_to_a_stream():
    bill, table, array = bill_of(Usage(api_calls=1)), io.StringIO(), io.StringIO()

    write_csv(bill, table)
    write_json([bill], array)

    assert table.getvalue() == to_csv(bill)
    assert array.getvalue() == to_json(bill)
