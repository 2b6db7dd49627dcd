"""The command line on rows: times, labels, conditions, forms of files, and plans compared."""

import gzip
import io
import sys

import pytest

from tokenbill import BillingPlan, Contract, Discount, PriceSchedule, Tax, serial
from tokenbill.cli import main

USAGE = """\
time,customer,model,status,calls
2026-10-31T16:00:00Z,acme,small,SUCCEED,100
2026-11-01T10:00:00Z,acme,large,SUCCEED,50
2026-11-02T23:59:59Z,zoo,small,FAILED,7
2026-11-03T00:00:00Z,zoo,small,SUCCEED,3
"""
PRICE = ["--price", "calls=0.10"]


@pytest.fixture
def usage(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text(USAGE)
    return str(path)


def told(capsys, *arguments, code=0):
    assert main(["bill", *arguments]) == code
    found = capsys.readouterr()
    return found.err if code else found.out


def test_a_period_leaves_out_the_rows_outside_it(usage, capsys):
    period = ["--period", "2026-11-01/2026-11-03"]

    assert main(["bill", usage, "--sum", "calls", *PRICE, *period, "--time", "time"]) == 0
    found = capsys.readouterr()
    assert "Total: $5.70" in found.out  # 50 and 7 calls
    assert "2 rows outside the period" in found.err
    assert main(["bill", usage, "--sum", "calls", *PRICE, *period]) == 0
    assert "the period chooses no rows; name the column of their times: --time" in capsys.readouterr().err


def test_rows_are_grouped_by_the_calendar(usage, capsys):
    asked = [usage, "--sum", "calls", *PRICE, "--format", "totals"]

    assert told(capsys, *asked, "--by", "time:month").splitlines()[1:] == [
        "2026-10,10.00,0,0,0,10.00,USD",
        "2026-11,6.00,0,0,0,6.00,USD",
    ]
    lines = told(capsys, *asked, "--by", "customer", "--by", "time:day", "--tz", "Asia/Shanghai").splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["acme", "2026-11-01"],
        ["zoo", "2026-11-03"],
    ]
    assert told(capsys, *asked, "--by", "time:hour").splitlines()[1].startswith("2026-10-31T16:00:00Z,")
    assert "Mars" in told(capsys, *asked, "--by", "time:day", "--tz", "Mars", code=2)


def test_a_label_is_a_column(usage, capsys):
    prices = ["--price", "calls{model=small}=0.01", "--price", "calls{model=large}=0.02"]

    for label in ("model", "model=model"):
        found = told(capsys, usage, "--sum", "calls", "--label", label, *prices, "--where", "customer=acme")
        assert "Total: $2.00" in found
    missing = told(capsys, usage, "--sum", "calls", "--label", "model", *prices[:2], code=1)
    assert "calls{model=large}" in missing
    wrong = told(capsys, usage, "--sum", "calls{model=large}=calls", *prices, code=1)
    assert "a row whose model is not that of --sum calls{model=large}: 'small'; write --label model" in wrong


def test_an_empty_cell_is_no_label(capsys, tmp_path, monkeypatch):
    path = tmp_path / "usage.csv"
    path.write_text("model,calls\nsmall,100\n,7\n")
    asked = [str(path), "--sum", "calls", "--label", "model", "--price", "calls{model=small}=0.01"]

    for _ in ("short", "long"):
        assert "Total: $8.00" in told(capsys, *asked, "--price", "calls=1")
        assert "no price for meter 'calls'" in told(capsys, *asked, code=1)
        monkeypatch.setattr("tokenbill.cli.usage_by_column.LONG", 0)


def test_rows_are_chosen_by_a_column(usage, capsys):
    found = told(
        capsys, usage, "--sum", "calls", *PRICE, "--where", "status=SUCCEED", "--where", "model=small"
    )
    assert "Total: $10.30" in found  # 103 calls
    assert "no such member: 'state'" in told(
        capsys, usage, "--sum", "calls", *PRICE, "--where", "state=1", code=1
    )


def test_totals_are_a_row_for_each_bill(usage, capsys, tmp_path):
    plan = BillingPlan.on_demand(
        PriceSchedule(calls="0.10"), discounts=[Discount.percent(10)], taxes=[Tax("VAT", 20)]
    )
    serial.dump(plan, tmp_path / "plan.json")

    found = told(capsys, usage, "--sum", "calls", "--plan", str(tmp_path / "plan.json"), "--format", "totals")
    # 160 calls are 16.00, less 1.60, and 2.88 of tax
    assert found == "net,discount,credit,tax,total,currency\n14.40,1.60,0,2.88,17.28,USD\n"


def test_files_of_other_forms_are_read(usage, capsys, tmp_path):
    packed, marked, exponents = (tmp_path / name for name in ("u.csv.gz", "marked.csv", "exponents.csv"))
    packed.write_bytes(gzip.compress(USAGE.encode()))
    marked.write_text(USAGE.replace(",", ";"))
    exponents.write_text("calls\n2e-05\n1e3\n")
    asked = ["--sum", "calls", *PRICE]

    assert "Total: $16.00" in told(capsys, str(packed), *asked)
    assert "Total: $16.00" in told(capsys, str(marked), *asked, "--delimiter", ";")
    assert "the columns are separated by ';'" in told(capsys, str(marked), *asked, code=1)
    found = told(capsys, str(exponents), "--sum", "calls", "--price", "calls=1.00")
    assert "Total: $1000.00" in found
    assert "Before rounding: 1000.00002 USD" in found
    (tmp_path / "cut.csv.gz").write_bytes(packed.read_bytes()[:40])
    assert "compressed file ended" in told(capsys, str(tmp_path / "cut.csv.gz"), *asked, code=1)
    assert "not one mark" in told(capsys, usage, *asked, "--delimiter", ";;", code=2)


def test_long_files_and_parquet_are_read_by_column(capsys, tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow", reason="not run: install pyarrow, which reads columns")
    pytest.importorskip("numpy", reason="not run: install numpy, which reads columns")
    import pyarrow.parquet as pq

    monkeypatch.setattr("tokenbill.cli.usage_by_column.LONG", 0)
    monkeypatch.setattr("tokenbill.cli.reading.read_usage_by", None)  # rows are not read one by one
    path = tmp_path / "usage.csv"
    path.write_text("customer,calls\nacme,1.50\nzoo,2\nacme,1e-3\n")
    pq.write_table(pa.table({"customer": ["acme"], "calls": [7]}), tmp_path / "usage.parquet")
    asked = [
        "--by",
        "customer",
        "--sum",
        "calls",
        "--count",
        "rows",
        "--price",
        "calls=1",
        "--price",
        "rows=1",
    ]

    assert [line.split() for line in told(capsys, str(path), *asked).splitlines()[2:4]] == [
        ["acme", "1.501", "2", "3.50"],
        ["zoo", "2", "1", "3.00"],
    ]
    assert "acme" in told(capsys, str(tmp_path / "usage.parquet"), *asked)
    long = tmp_path / "long.csv"
    long.write_text("meter,quantity\ncalls,3\ncalls,4\n")
    assert "Total: $7.00" in told(capsys, str(long), "--price", "calls=1")


def test_long_files_are_billed_as_short_ones(usage, capsys, monkeypatch):
    pytest.importorskip("pyarrow", reason="not run: install pyarrow, which reads columns")
    pytest.importorskip("numpy", reason="not run: install numpy, which reads columns")
    prices = ["--price", "calls{model=small}=0.01", "--price", "calls{model=large}=0.02", "--price", "rows=1"]
    labelled = ["--sum", "calls", "--count", "rows", "--label", "model", *prices, "--format", "csv"]
    every = [
        labelled,
        [*labelled, "--by", "customer", "--where", "status=SUCCEED"],
        [*labelled, "--by", "time:day", "--by", "customer", "--tz", "Asia/Shanghai"],
        ["--by", "time:month", "--sum", "calls", "--label", "tier=status", *PRICE],
        ["--sum", "calls", *PRICE, "--time", "time", "--period", "2026-11-01/2026-11-03"],
        [
            *labelled,
            "--by",
            "time:day",
            "--by",
            "time:month",
            "--time",
            "time",
            "--period",
            "2026-11-01/2027-01-01",
        ],
        ["--sum", "calls", *PRICE, "--time", "time", "--period", "2026-11-01T10:00:00Z/2026-11-03T00:00:00Z"],
    ]
    short = [both(capsys, usage, *asked) for asked in every]

    monkeypatch.setattr("tokenbill.cli.usage_by_column.LONG", 0)
    monkeypatch.setattr("tokenbill.cli.reading.read_rows", None)  # rows are not read one by one
    assert [both(capsys, usage, *asked) for asked in every] == short


def both(capsys, *arguments):
    """What a bill prints, and what is said beside it."""
    assert main(["bill", *arguments]) == 0
    return capsys.readouterr()


CONTRACT = Contract(BillingPlan.on_demand(PriceSchedule(calls="0.10"))).amended(
    "2026-11-02", BillingPlan.on_demand(PriceSchedule(calls="0.20"))
)


def test_parquet_is_read_by_each_option_of_rows(capsys, tmp_path, usage):
    """The same bills as from CSV: times, contracts, labels of a --sum, pools, truth values."""
    pytest.importorskip("numpy", reason="not run: install numpy, which reads columns")
    arrow_csv = pytest.importorskip("pyarrow.csv", reason="not run: install pyarrow, which reads columns")
    import pyarrow.parquet as pq

    table, path = arrow_csv.read_csv(usage), tmp_path / "usage.parquet"
    table = table.append_column("is_paid", [[True, False, True, True]])
    pq.write_table(table.append_column("part", [[10, 5, 0, 1]]), path)
    arrow_csv.write_csv(pq.read_table(path), usage)
    plan = tmp_path / "contract.toml"
    serial.dump(CONTRACT, plan)
    within = ["--time", "time", "--period", "2026-11-01/2026-11-03"]
    autumn = "2026-10-01/2026-12-01"
    every = [
        ["--sum", "calls", *PRICE, *within, "--by", "customer"],
        ["--sum", "calls", *PRICE, "--where", "is_paid=true", "--by", "is_paid", "--format", "totals"],
        ["--sum", "calls", "--sum", "part", "--pool", "part=calls", *PRICE, "--price", "part=2"],
        ["--sum", "calls", "--by", "status", "--plan", str(plan), "--time", "time", "--period", autumn],
        ["--sum", "calls{model=small}=calls", "--where", "model=small", "--price", "calls{model=small}=3"],
        ["--sum", "calls{zone=eu}=calls", "--price", "calls{zone=eu}=3"],
    ]
    for asked in every:
        assert both(capsys, str(path), *asked) == both(capsys, usage, *asked)
    said = told(capsys, str(path), "--sum", "calls{model=small}=calls", "--price", "calls=3", code=1)
    assert "a row whose model is not that of --sum calls{model=small}: 'large'" in said
    assert "did you mean 'customer'?" in told(
        capsys, str(path), "--by", "custmer", "--sum", "calls", *PRICE, code=1
    )
    long_request = ["--sum", "calls", "--price", "calls{context=100}=1", "--price", "calls=2"]
    assert "prices by the length of a request" in told(capsys, str(path), *long_request, code=1)
    long = tmp_path / "long.parquet"
    pq.write_table(
        table.select(["time"]).append_column("meter", [["calls"] * 4]).append_column("quantity", [[1] * 4]),
        long,
    )
    assert told(capsys, str(long), "--by", "time:month", *PRICE, "--format", "totals").count("\n") == 3


def test_a_missing_label_hides_no_other_one(capsys, tmp_path):
    pa = pytest.importorskip("pyarrow", reason="not run: install pyarrow, which reads columns")
    pytest.importorskip("numpy", reason="not run: install numpy, which reads columns")
    path = tmp_path / "usage.parquet"
    models = pa.array(["small", None, "large"], pa.string())
    pytest.importorskip("pyarrow.parquet").write_table(pa.table({"model": models, "calls": [1, 2, 3]}), path)

    # the small one was billed as large, without a word
    assert main(["bill", str(path), "--sum", "calls{model=large}=calls", *PRICE]) == 1
    assert "1 null in column 'model'" in capsys.readouterr().err


def test_contracts_are_compared_by_the_times_of_rows(capsys, tmp_path, usage):
    cheap = BillingPlan.on_demand(PriceSchedule(calls="0.15"), name="plan")
    for name, terms in (("contract", CONTRACT), ("plan", cheap)):
        serial.dump(terms, tmp_path / f"{name}.json")
    files = [["--plan", str(tmp_path / f"{name}.json")] for name in ("contract", "plan")]
    asked = ["--by", "customer", "--sum", "calls", "--format", "csv", "--time", "time"]
    asked += ["--period", "2026-11-01/2026-12-01"]

    for first, second in (files, files[::-1]):
        assert main(["compare", usage, *first, *second, *asked]) == 0
        found = capsys.readouterr()
        assert found.err == "tokenbill: 1 row outside the period\n"
        header, *rows = (line.split(",") for line in found.out.splitlines())
        # acme's 50 calls of the first day cost 0.10 each, zoo's ten of the second 0.20
        totals = [dict(zip(header, row, strict=True)) for row in rows]
        assert [(each["contract"], each["plan"]) for each in totals] == [("5.00", "7.50"), ("2.00", "1.50")]
        assert [each["cheapest"] for each in totals] == ["contract", "plan"]


def test_a_folder_is_all_its_files(capsys, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="not run: install pyarrow, which reads columns")
    pytest.importorskip("numpy", reason="not run: install numpy, which reads columns")
    for day in (1, 2):
        part = tmp_path / f"day=2026-11-0{day}" / "tenant=acme"
        part.mkdir(parents=True)
        (part / "part-0.csv").write_text(f"calls\n{day}\n")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "part-0.csv").write_text("calls\n90\n")

    asked = [str(tmp_path), "--by", "tenant", "--sum", "calls", *PRICE, "--format", "totals"]
    assert told(capsys, *asked).splitlines()[1:] == ["acme,0.30,0,0,0,0.30,USD"]
    assert told(capsys, *asked, "--where", "day=2026-11-02").splitlines()[1:] == ["acme,0.20,0,0,0,0.20,USD"]
    monkeypatch.setattr("tokenbill.cli.usage_by_column.find_spec", lambda _: None)
    assert "a folder, which PyArrow reads" in told(capsys, *asked, code=1)


def test_a_condition_that_no_row_meets_is_said(usage, capsys):
    asked = [usage, "--by", "customer", "--sum", "calls", *PRICE]

    assert both(capsys, *asked, "--where", "status=SUCCED").err == "tokenbill: no row has status=SUCCED\n"
    assert both(capsys, *asked, "--where", "status=SUCCEED").err == ""
    lines = (
        '{"customer": "a", "is_paid": true, "calls": 5}\n{"customer": "a", "is_paid": false, "calls": 7}\n'
    )
    with open(usage, "w") as file:
        file.write(lines)
    assert "Total: $0.50" in told(capsys, *asked, "--where", "is_paid=true")


def test_usage_below_zero_is_refused_in_long_files_too(capsys, tmp_path, monkeypatch):
    path = tmp_path / "usage.csv"
    path.write_text("customer,calls\nacme,7\nacme,-5\n")
    asked = [str(path), "--sum", "calls", *PRICE]
    refused = told(capsys, *asked, code=1)
    assert "line 3, column 'calls': a negative quantity" in refused

    monkeypatch.setattr("tokenbill.cli.usage_by_column.LONG", 0)
    assert told(capsys, *asked, code=1) == refused


def test_what_columns_refuse_is_told_with_its_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tokenbill.cli.usage_by_column.LONG", 0)
    path = tmp_path / "usage.csv"
    path.write_text("customer,calls\nacme,1\nzoo,many\n")

    refused = told(capsys, str(path), "--by", "customer", "--sum", "calls", *PRICE, code=1)
    assert "line 3" in refused
    assert "many" in refused


def test_a_batch_comes_by_standard_input(capsys, monkeypatch):
    event = (
        '{"specversion": "1.0", "id": "1", "source": "s", "type": "calls", "subject": "acme", '
        '"time": "2026-11-01T00:00:00Z", "data": {"quantity": 3}}'
    )
    for text in (f"[{event}]", f"{event}\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        found = told(capsys, "-", "--as", "cloudevents", "--by", "customer", *PRICE)
        assert "Total: $0.30" in found


# ---------------------------------------------------------------- plans


@pytest.fixture
def plans(tmp_path):
    on_demand = BillingPlan.on_demand(PriceSchedule(calls="0.10"))
    pro = BillingPlan.subscription("15.00", PriceSchedule(calls="0.02"), name="pro")
    for name, plan in (("demand", on_demand), ("b", pro)):
        serial.dump(plan, tmp_path / f"{name}.json")
    return ["--plan", str(tmp_path / "demand.json"), "--plan", str(tmp_path / "b.json")]


def test_plans_are_compared_group_by_group(capsys, tmp_path, plans):
    path = tmp_path / "usage.csv"
    path.write_text("customer,calls\na,100\nb,250\n")
    asked = ["compare", str(path), "--by", "customer", "--sum", "calls"]

    assert main([*asked, *plans, "--format", "csv"]) == 0
    assert (
        capsys.readouterr().out == "customer,demand,pro,cheapest\na,10.00,17.00,demand\nb,25.00,20.00,pro\n"
    )
    assert main([*asked[:2], "--sum", "calls", *plans]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["35.00", "22.00", "pro"]
    assert main([*asked, *plans[:2]]) == 2
    assert "give --plan twice" in capsys.readouterr().err
    assert main([*asked, *plans[:2], *plans[:2]]) == 2
    assert "two plans of one name: demand" in capsys.readouterr().err


def test_a_plan_is_looked_over(capsys, tmp_path, plans):
    serial.dump(PriceSchedule({"calls{model=a}": 1}), tmp_path / "odd.json")

    assert main(["lint", plans[1]]) == 0
    assert capsys.readouterr().out.endswith("0 warnings\n")
    assert main(["lint", str(tmp_path / "odd.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 warning"


def test_a_typo_in_a_plan_names_the_file(capsys, tmp_path, usage):
    path = tmp_path / "plan.json"
    path.write_text('{"type": "BillingPlan", "version": 1, "pricse": {}}')

    assert "plan.json" in told(capsys, usage, "--sum", "calls", "--plan", str(path), code=1)
