"""The command line: the dialogue, bills out of files, and what is said when something is wrong."""

import builtins
import csv
import importlib.metadata
import io
import json
import os
import runpy
import shlex
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import tokenbill.__main__
from tests.support.pages import cells
from tokenbill.cli import main
from tokenbill.cli.chinese import in_language
from tokenbill.errors import BalanceExhausted, UnpricedUsage

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TOKENBILL_SHARED", ROOT.parent / "shared"))
REQUESTS = SHARED / "data" / "genai_requests.csv"

USAGE = str(ROOT / "docs" / "usage.csv")
GPU = ["--sum", "gpu_hours", "--price", "gpu_hours=0.10"]
BOTH = [*GPU, "--count", "api_calls", "--price", "api_calls=0.01"]

real_traffic = pytest.mark.skipif(not REQUESTS.exists(), reason="the shared traces are not at hand")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def typed(monkeypatch):
    """Types lines at the dialogue, or gives standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture
def file(tmp_path):
    def written(text, name="usage.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return str(path)

    return written


def process(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        [sys.executable, "-m", "tokenbill", *arguments],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        **options,
    )


# The dialogue


def test_the_dialogue_asks_four_questions_and_prints_the_bill(typed, capsys):
    typed("10\n1000\n0.1\n0.01\n")

    assert main([]) == 0
    assert capsys.readouterr().out == (
        "Four questions, and you have a bill. Ctrl-C ends.\n"
        "GPU hours: API calls: Price of a GPU hour, in USD: Price of an API call, in USD: \n"
        "description  quantity  rate  amount\n"
        "-----------  --------  ----  ------\n"
        "api_calls        1000  0.01   10.00\n"
        "gpu_hours          10   0.1     1.0\n"
        "Total: $11.00\n"
    )


def test_the_dialogue_shows_what_was_wrong_and_asks_again(typed, capsys):
    typed("1e\n 10 \n-5\n0\n\n0.1\n$1\n0.01\n")

    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.count("Please try again: ") == 4
    assert "not a number: '1e'" in out
    assert out.endswith("Total: $1.00\n")


@pytest.mark.parametrize(
    ("name", "value"), [("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "zh_TW"), ("LC_ALL", "zh_CN.UTF-8")]
)
def test_the_dialogue_is_chinese_in_a_chinese_locale(name, value, monkeypatch, typed, capsys):
    monkeypatch.setenv(name, value)
    typed("10\n十\n1\n0.333\n0.01\n")

    assert main([]) == 0
    out = capsys.readouterr().out
    assert "GPU 小时数: " in out
    assert "输入有误，请重新输入: 不是可用的数字：'十'" in out
    assert "舍入" not in out
    assert out.endswith("合计 Total: $3.34\n")


def test_the_language_may_be_chosen(monkeypatch, typed, capsys):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    typed("0.333\n0\n0.1\n0\n")

    assert main(["--lang", "en"]) == 0
    assert "GPU hours" in capsys.readouterr().out

    typed("0.333\n0\n0.1\n0\n")

    assert main(["--lang", "zh"]) == 0
    assert "舍入" in capsys.readouterr().out


def test_the_first_setting_of_the_locale_decides(monkeypatch, typed, capsys):
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    typed("1\n1\n1\n1\n")

    main([])

    assert "GPU hours" in capsys.readouterr().out


def test_the_dialogue_ends_politely_with_the_input(typed, capsys):
    typed("10\n")

    assert main([]) == 1
    assert capsys.readouterr().err == "\ntokenbill: the input ended before the last answer\n"


def test_the_dialogue_ends_politely_on_ctrl_c(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", interrupted)

    assert main([]) == 130
    assert capsys.readouterr().err == "\ntokenbill: interrupted\n"


def test_bytes_that_are_no_text_are_one_more_bad_answer():
    done = process("--lang", "en", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    out, err = done.communicate(b"\xff\n10\n1000\n0.1\n0.01\n")

    assert (done.returncode, err) == (0, b"")
    assert out.splitlines()[-1] == b"Total: $11.00"


# Bills out of files


def test_a_file_is_billed_by_customer(capsys):
    assert main(["bill", USAGE, "--by", "customer", *BOTH]) == 0
    assert capsys.readouterr().out == (
        "customer  api_calls  gpu_hours  total\n"
        "--------  ---------  ---------  -----\n"
        "acme              5      29.50   3.00\n"
        "globex            4      2.750   0.32\n"  # 0.275 + 0.04 = 0.315
        "initech           3     20.383   2.07\n"  # 2.0383 + 0.03 = 2.0683
        "3 bills\n"
        "Total: $5.39\n"
        "Before rounding: 5.3833 USD\n"
    )


def test_the_first_command_of_the_readme_prints_what_it_shows(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command, _, rest = readme.partition("python -m tokenbill ")[2].partition("\n")

    assert main(shlex.split(command)) == 0
    assert rest.startswith(f"{capsys.readouterr().out}```\n")


def test_a_file_is_one_bill(capsys):
    assert main(["bill", USAGE, *GPU, "--currency", "EUR"]) == 0
    assert capsys.readouterr().out == (
        "description  quantity  rate    amount\n"
        "-----------  --------  ----  --------\n"
        "gpu_hours      52.633  0.10   5.26330\n"
        "rounding                     -0.00330\n"
        "Total: 5.26 EUR\n"
        "Before rounding: 5.2633 EUR\n"
    )


def test_an_amount_that_does_not_end_is_shown_as_a_fraction(file, capsys):
    assert main(["bill", file("calls\n2\n"), "--sum", "calls", "--price", "calls=0.10/3"]) == 0
    assert capsys.readouterr().out.endswith(
        "Total: $0.07\nBefore rounding: 1/15 USD, about 0.066666666666666667\n"
    )


def test_a_file_without_rows_is_a_bill_of_nothing(file, capsys):
    assert main(["bill", file("gpu_hours\n"), *GPU]) == 0
    assert capsys.readouterr().out.endswith("Total: $0.00\n")

    assert main(["bill", file("customer,gpu_hours\n"), "--by", "customer", *GPU]) == 0
    assert capsys.readouterr().out == ("customer  total\n--------  -----\n0 bills\nTotal: $0.00\n")


def test_one_bill_is_one(file, capsys):
    assert main(["bill", file("customer,gpu_hours\na,1\n"), "--by", "customer", *GPU]) == 0
    assert "\n1 bill\nTotal: $0.10\n" in capsys.readouterr().out


def test_standard_input_is_read(typed, capsys):
    typed("meter,quantity\n=x,1\ncalls,2\n")

    assert main(["bill", "-", "--price", "calls=1", "--skip-bad"]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("Total: $2.00\n")
    assert captured.err.startswith("tokenbill: skipped input, line 2, column 'meter': ")


def test_standard_input_is_read_as_bytes():
    done = process("bill", "-", "--price", "a=1", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    out, err = done.communicate('{"meter": "a", "quantity": 2, "note": "é"}\n'.encode())

    assert (done.returncode, err) == (0, b"")
    assert out.splitlines()[-1] == b"Total: $2.00"


def test_labels_have_an_equals_sign_of_their_own(file, capsys):
    meter = "tokens{cache=read,model=a/b}"
    path = file(f'cached,"{meter}",x=y\n1,2,4\n')

    for summed, total in [(f"{meter}=cached", "1"), (meter, "2"), (f"{meter}=x=y", "4")]:
        assert main(["bill", path, "--sum", summed, "--price", f"{meter}=100/100"]) == 0
        assert capsys.readouterr().out.endswith(f"Total: ${total}.00\n")


def test_groups_of_several_columns_have_a_column_each(file, capsys):
    path = file("region,plan,calls\neu,b,1\neu,a,1\n")

    assert main(["bill", path, "--by", "region", "--by", "plan", "--sum", "calls", "--price", "calls=1"]) == 0
    assert capsys.readouterr().out.startswith(
        "region  plan  calls  total\n------  ----  -----  -----\neu      a  "
    )


def test_many_meters_get_no_columns(file, capsys):
    rows = "".join(f"a,m{at},1\n" for at in range(6))
    prices = [f"--price=m{at}=1" for at in range(6)]

    assert main(["bill", file(f"customer,meter,quantity\n{rows}"), "--by", "customer", *prices]) == 0
    assert capsys.readouterr().out.startswith("customer  total\n--------  -----\na          6.00\n")


def test_bills_are_printed_as_csv(file, capsys):
    path = file("plan,meter,quantity\n=1,a,1\né,b,0.5\n")

    assert (
        main(["bill", path, "--by", "plan", "--by", "meter", "--price=a=1", "--price=b=1", "--format=csv"])
        == 0
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["by_plan"], row["by_meter"], row["plan"], row["amount"]) for row in rows] == [
        ("'=1", "a", "", "1"),
        ("é", "b", "", "0.5"),
    ]


def test_bills_are_printed_as_json(file, capsys):
    path = file("customer,calls\n=1,1\né,2\n")

    assert main(["bill", path, "--by", "customer", "--sum=calls", "--price=calls=0.5", "--format=json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["customer"], row["amount"]) for row in rows] == [("=1", "0.5"), ("é", "1.0")]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_data_is_utf_8_whatever_the_locale(form, file, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    path = file("customer,calls\né,1\n")

    done = process(
        *("bill", path, "--by=customer", "--sum=calls", "--price=calls=1", "--format", form),
        stdout=subprocess.PIPE,
    )

    assert "é" in done.communicate()[0].decode("utf-8")


def test_text_that_a_terminal_cannot_show_is_escaped(file, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    done = process(
        *("bill", file("customer,calls\né,1\n"), "--by=customer", "--sum=calls", "--price=calls=1"),
        stdout=subprocess.PIPE,
    )

    assert rb"\xe9" in done.communicate()[0]
    assert done.returncode == 0


@real_traffic
def test_real_traffic_is_billed_by_tenant(capsys):
    summed = ["--sum", "gpu_seconds=exec_time_seconds", "--price", "gpu_seconds=0.10/3600"]
    options = [*summed, "--count", "api_calls", "--price", "api_calls=0.01"]

    assert main(["bill", str(REQUESTS), "--by", "groupId", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 4247 + 3
    assert lines[-3:] == [
        "4247 bills",
        "Total: $285.00",
        "Before rounding: 10425179/36000 USD, about 289.588305555555555556",
    ]

    assert main(["bill", str(REQUESTS), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "Total: $289.59",
        "Before rounding: 10425179/36000 USD, about 289.588305555555555556",
    ]


# Progress


class Bar:
    """Stands in for tqdm: the tests need not have it."""

    made = None

    def __init__(self, total, **options):
        self.total, self.options, self.seen, self.written = total, options, 0, []
        Bar.made = self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, length):
        self.seen += length

    def write(self, text, file):
        self.written.append((text, file))


@pytest.fixture
def bar(monkeypatch):
    module = type(sys)("tqdm")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", module)
    monkeypatch.setattr(Bar, "made", None)
    return Bar


@pytest.fixture
def bill_on_a_terminal(monkeypatch):
    """Runs `bill` with standard error a terminal, whatever it is while the test runs."""

    def run(*arguments):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        return main(["bill", USAGE, *GPU, *arguments])

    return run


def test_a_terminal_shows_the_progress_of_a_file_that_takes_long(bar, bill_on_a_terminal):
    assert bill_on_a_terminal() == 0
    assert bar.made.total == bar.made.seen == Path(USAGE).stat().st_size
    assert bar.made.options["file"] is sys.stderr
    assert bar.made.options["delay"] > 0


def test_progress_may_be_asked_for_where_there_is_no_terminal(bar, file):
    path = file("gpu_hours\n1\nx\n")

    assert main(["bill", path, *GPU, "--progress", "--skip-bad"]) == 0
    assert bar.made.options["delay"] == 0
    ((text, stream),) = bar.made.written
    assert text.startswith("tokenbill: skipped ")
    assert f"{Path(path).name}, line 3, column 'gpu_hours': not a number: 'x'" in text
    assert stream is sys.stderr


def test_the_length_of_standard_input_is_not_known(bar, typed):
    typed("gpu_hours\n1\n")

    assert main(["bill", "-", *GPU, "--progress"]) == 0
    assert bar.made.total is None
    assert bar.made.seen == 12


def test_progress_may_be_silenced(bar, bill_on_a_terminal, capsys):
    assert bill_on_a_terminal("--quiet") == 0
    assert bar.made is None
    assert capsys.readouterr().err == ""


def test_without_a_terminal_there_is_no_progress(bar):
    assert main(["bill", USAGE, *GPU]) == 0
    assert bar.made is None


def test_where_tqdm_is_missing_there_is_no_progress_unless_it_is_asked_for(
    monkeypatch, bill_on_a_terminal, capsys
):
    monkeypatch.setitem(sys.modules, "tqdm", None)

    assert bill_on_a_terminal() == 0
    assert capsys.readouterr().err == ""
    assert bill_on_a_terminal("--progress") == 1
    assert capsys.readouterr().err == "tokenbill: tqdm is not installed; run: pip install tqdm\n"


def test_the_progress_bar_of_tqdm_can_be_used(file, capsys):
    pytest.importorskip("tqdm")

    assert main(["bill", file("gpu_hours\n1\nx\n"), *GPU, "--progress", "--skip-bad"]) == 0
    err = capsys.readouterr().err
    assert "100%" in err
    assert "line 3" in err


# What is wrong


def test_a_bad_row_is_named_and_nothing_is_billed(file, capsys):
    path = file('customer,gpu_hours\nacme,1\nacme,"1,5"\n')

    assert main(["bill", path, "--by", "customer", *GPU]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tokenbill: ")
    assert captured.err.endswith(  # of a long path the end is shown
        f"{Path(path).name}, line 3, column 'gpu_hours': not a number: '1,5';"
        ' write digits with at most one point, at most 64 characters: "1234.5"\n'
    )


def test_bad_rows_are_left_out_when_asked_and_listed(file, capsys):
    path = file("gpu_hours\n1\nx\n2\n-3\n")

    assert main(["bill", path, *GPU, "--skip-bad"]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("Total: $0.30\n")
    first, second, count = captured.err.splitlines()
    assert all(line.startswith("tokenbill: skipped ") for line in (first, second))
    assert f"{Path(path).name}, line 3, column 'gpu_hours': " in first
    assert f"{Path(path).name}, line 5, column 'gpu_hours': " in second
    assert count == "tokenbill: 2 rows skipped"


def test_what_makes_all_rows_doubtful_is_never_skipped(file, capsys):
    assert main(["bill", file('gpu_hours\n1\n"2\n'), *GPU, "--skip-bad"]) == 1
    assert "line 3: a quotation mark left open" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["absent.csv", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(name, bar, capsys):
    assert main(["bill", name, *GPU, "--progress"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("tokenbill: cannot read: ")


def test_usage_without_a_price_is_an_error(file, capsys):
    assert main(["bill", file("meter,quantity\na,1\n"), "--price", "b=1"]) == 1
    assert "no price for meter 'a'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--verbose"], "--verbose"),
        (["pay"], "invalid choice: 'pay'"),
        (["--lang", "fr"], "invalid choice: 'fr'"),
        (["bill"], "required: FILE; see tokenbill bill --help"),
        (["bill", USAGE, "--sum", "gpu_hours"], "no prices: give --price, --plan or --model"),
        (["bill", USAGE, *GPU, "--format", "xml"], "invalid choice: 'xml'"),
        (["bill", USAGE, *GPU, "--quiet", "--progress"], "not allowed"),
        (["bill", USAGE, *GPU, "--currency", "usd"], 'write "USD"'),
        (["bill", USAGE, *GPU, "--price", "gpu_hours=1"], "priced twice"),
        (["bill", USAGE, *GPU, "--sum", "gpu_hours=time"], "filled twice"),
        (["bill", USAGE, *GPU, "--count", "api_calls"], "no price for meter 'api_calls'"),
        (["bill", USAGE, *GPU, "--count", "api calls"], "not a meter name"),
        (["bill", USAGE, *GPU, "--sum", "api calls=x"], "not a meter name"),
        (["bill", USAGE, "--price", "gpu_hours"], "METER=RATE"),
        (["bill", USAGE, "--price", "gpu_hours=$1"], "not a number: '$1'"),
        (["bill", USAGE, "--price", "gpu_hours=1/"], "not a number: ''"),
        (["bill", USAGE, "--price", "gpu_hours=1/0"], "per is not positive"),
        (["bill", USAGE, "--price", "gpu_hours=-1"], "rate is negative"),
        (["bill", USAGE, "--price", "=1"], "not a meter name"),
    ],
)
def test_arguments_that_make_no_sense_are_answered_in_one_line(arguments, said, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tokenbill: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)

    done = process("bill", USAGE, *GPU, stdout=writing)
    os.close(writing)

    assert done.communicate()[1] == b""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_in_one_line():
    with Path("/dev/full").open("w") as full:
        done = process("bill", USAGE, *GPU, stdout=full)

    assert done.communicate()[1] == b"tokenbill: cannot write the bill: no space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("failure", "said"),
    [(BrokenPipeError(), ""), (OSError("no place"), "tokenbill: cannot write the bill: no place\n")],
)
def test_what_cannot_be_written_is_said_of_any_stream(failure, said, monkeypatch, capsys):
    class Failing(io.StringIO):
        def write(self, _):
            raise failure

    monkeypatch.setattr(sys, "stdout", Failing())

    assert main(["bill", USAGE, *GPU]) == 1
    assert capsys.readouterr().err == said


# The rest


def test_the_version_is_that_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr(
        importlib.metadata, "version", lambda package: {"exact-usage-billing": "7.8.9"}[package]
    )

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "tokenbill 7.8.9\n"


def test_sources_that_are_not_installed_have_no_version(monkeypatch, capsys):
    def absent(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", absent)

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "tokenbill, not installed\n"


def test_help_is_no_error(capsys):
    assert main(["--help"]) == 0
    assert main(["bill", "--help"]) == 0
    assert "--price METER=RATE[/PER]" in capsys.readouterr().out


def test_the_module_runs_as_a_program(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tokenbill", "bill", USAGE, *GPU])

    with pytest.raises(SystemExit) as stop:
        runpy.run_path(tokenbill.__main__.__file__, run_name="__main__")

    assert stop.value.code == 0
    assert Decimal("5.26") == Decimal(capsys.readouterr().out.splitlines()[-2].removeprefix("Total: $"))


# Plans, events and payloads

PLAN = """\
type = "BillingPlan"
version = 1
name = "pro"
fees = [{ amount = "99" }]

[prices]
currency = "USD"

[prices.entries]
api_calls = "0.01"
"""
EVENT = {"specversion": "1.0", "source": "gateway", "type": "api_calls", "subject": "acme"}


def event(id, time="2026-01-05T00:00:00Z", **others):
    return json.dumps({**EVENT, "id": id, "time": time, "data": {"quantity": "5"}, **others})


def lines(*rows):
    return "".join(f"{row}\n" for row in rows)


JANUARY = ["--period", "2026-01-01T00:00:00Z/2026-02-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plan.toml", PLAN),
        (
            "plan.json",
            '{"type": "BillingPlan", "version": 1, "name": "pro", "fees": [{"amount": "99"}],'
            ' "prices": {"currency": "USD", "entries": {"api_calls": "0.01"}}}',
        ),
    ],
)
def test_a_plan_is_read_from_a_file(name, text, file, capsys):
    assert main(["bill", USAGE, "--count", "api_calls", "--plan", file(text, name)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $99.12"


def test_a_schedule_in_a_file_is_a_plan_on_demand(file, capsys):
    prices = 'type = "PriceSchedule"\nversion = 1\ncurrency = "EUR"\n[entries]\napi_calls = "0.01"\n'

    assert main(["bill", USAGE, "--count", "api_calls", "--plan", file(prices, "prices.toml")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: 0.12 EUR"


def test_a_plan_that_cannot_be_read_is_told_in_one_line(file, capsys):
    wrong = PLAN.replace("amount", "amonut")

    assert main(["bill", USAGE, "--count", "api_calls", "--plan", file(wrong, "plan.toml")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fees" in said
    assert "did you mean 'amount'?" in said


def test_a_document_that_is_no_plan_is_refused(file, capsys):
    fee = 'type = "Fee"\nversion = 1\namount = "5"\n'

    assert main(["bill", USAGE, "--plan", file(fee, "fee.toml")]) == 2
    assert "holds a Fee, neither a plan nor a schedule" in capsys.readouterr().err


def test_events_count_once_and_only_in_the_period(file, capsys):
    sent = [event("1"), event("1"), event("2", subject="globex"), event("3", "2026-02-01T00:00:00Z")]
    plan = file(PLAN, "plan.toml")
    asked = ["bill", file(lines(*sent), "events.jsonl"), "--as", "cloudevents", "--by", "customer"]

    assert main([*asked, "--plan", plan, *JANUARY]) == 0
    told = capsys.readouterr()
    assert told.out == (
        "customer  api_calls  total\n"
        "--------  ---------  -----\n"
        "acme              5  99.05\n"
        "globex            5  99.05\n"
        "2 bills\n"
        "Total: $198.10\n"
    )
    assert told.err == "tokenbill: 1 event delivered again\ntokenbill: 1 event outside the period\n"


def test_an_event_that_comes_with_other_content_is_an_error(file, capsys):
    sent = lines(event("1"), event("1", data={"quantity": "6"}))

    assert main(["bill", file(sent, "e.jsonl"), "--as", "cloudevents", "--price", "api_calls=1"]) == 1
    assert "event '1' of 'gateway' came with other content" in capsys.readouterr().err


def test_a_batch_of_events_is_a_list_in_which_each_counts_once(file, capsys):
    first, second = (json.loads(event(key)) for key in ("1", "2"))
    asked = ["bill", file(json.dumps([first, second, first]), "b.json"), "--as", "cloudevents"]

    assert main([*asked, "--price", "api_calls=1"]) == 0
    told = capsys.readouterr()
    assert "Total: $10.00" in told.out
    assert "1 event delivered again" in told.err


def test_events_are_grouped_by_what_they_have(file, capsys):
    asked = ["bill", file(lines(event("1")), "e.jsonl"), "--as", "cloudevents", "--price", "api_calls=1"]

    assert main([*asked, "--by", "tenant"]) == 2
    assert "group them by customer or source" in capsys.readouterr().err


def test_payloads_are_read_by_their_shape_and_grouped_by_a_member(file, capsys):
    rows = [
        {"customer": customer, "model": "m", "usage": {"prompt_tokens": 900, "completion_tokens": 100}}
        for customer in ("acme", "globex", "acme")
    ]
    asked = ["bill", file(lines(*map(json.dumps, rows)), "calls.jsonl"), "--as", "openai.chat"]
    prices = ["--price", "input_tokens=3/1000", "--price", "output_tokens=15/1000"]

    assert main([*asked, "--by", "customer", *prices]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "acme              1800            200   8.40",
        "globex             900            100   4.20",
        "2 bills",
        "Total: $12.60",
    ]


def test_a_request_is_priced_by_its_length_where_the_schedule_says_so(file, capsys):
    rows = [{"prompt_tokens": tokens, "completion_tokens": 0} for tokens in (200_000, 200_001)]
    prices = (
        'type = "PriceSchedule"\nversion = 1\ncurrency = "USD"\n[entries]\noutput_tokens = "0"\n'
        'input_tokens = "0.001"\n"input_tokens{context=200000}" = "0.002"\n'
    )
    asked = ["bill", file(lines(*map(json.dumps, rows)), "calls.jsonl"), "--as", "openai.chat"]

    assert main([*asked, "--plan", file(prices, "prices.toml")]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["Total: $600.00", "Before rounding: 600.002 USD"]


CLIFF = (
    'type = "PriceSchedule"\nversion = 1\ncurrency = "USD"\n[entries]\n'
    'input_tokens = "0.001"\n"input_tokens{context=200000}" = "0.002"\n'
)


def test_rows_that_are_requests_are_priced_by_their_length_too(file, capsys):
    requests = file("in\n250000\n150000\n", "requests.csv")
    prices = ["--plan", file(CLIFF, "prices.toml")]

    assert main(["bill", requests, "--sum", "input_tokens=in", *prices]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $650.00"  # 250000 × 0.002 + 150000 × 0.001


def test_rows_of_which_nobody_knows_the_request_are_refused_at_such_prices(file, capsys):
    rows = file("meter,quantity\ninput_tokens,250000\n")

    assert main(["bill", rows, "--plan", file(CLIFF, "prices.toml")]) == 2
    assert "the prices depend on the length of a request" in capsys.readouterr().err


def test_a_list_of_payloads_in_one_document_is_read_as_its_rows(file, capsys):
    calls = file('[\n {"prompt_tokens": 9, "completion_tokens": 2}\n]\n', "calls.json")
    asked = ["bill", calls, "--as", "openai.chat", "--price", "input_tokens=1"]

    assert main([*asked, "--price", "output_tokens=3"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $15.00"
    assert main(asked) == 1
    assert "no price for meter 'output_tokens'" in capsys.readouterr().err


def test_no_line_of_payloads_is_shown(file, capsys):
    secret = file('{"messages": "my secret prompt", "usage": {"prompt_tokens": 9\n', "calls.jsonl")

    assert main(["bill", secret, "--as", "openai.chat", "--price", "input_tokens=1"]) == 1
    said = capsys.readouterr().err
    assert "secret" not in said
    assert "text of 62 characters" in said


MAP = '{"m-1": {"input_cost_per_token": 0.5, "output_cost_per_token": 2}}'


def test_prices_of_a_model_are_read_from_a_price_map(file, capsys):
    call = file('{"prompt_tokens": 10, "completion_tokens": 3}\n', "calls.jsonl")
    asked = ["bill", call, "--as", "openai.chat", "--price-map", file(MAP, "map.json")]

    assert main([*asked, "--model", "m-1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $11.00"
    assert main([*asked, "--model", "m-2"]) == 1
    assert "m-2" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "said"), [("{", "not JSON"), (None, "no such file")])
def test_a_price_map_that_cannot_be_read_is_told(text, said, file, tmp_path, capsys):
    path = str(tmp_path / "none.json") if text is None else file(text, "map.json")

    assert main(["bill", USAGE, "--model", "m", "--price-map", path]) == 1
    assert said in capsys.readouterr().err


def test_usage_of_another_model_is_not_billed_at_the_prices_of_this_one(file, capsys):
    span = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1, "gen_ai.response.model": "m-2"}
    asked = ["bill", file(lines(json.dumps(span)), "spans.jsonl"), "--as", "otel", "--model", "m-1"]

    assert main([*asked, "--price-map", file(MAP, "map.json")]) == 1
    assert "usage of another model: 'm-2'; its prices are not those of m-1" in capsys.readouterr().err


def test_a_book_of_prices_needs_the_day(file, capsys):
    price_version = '[[versions]]\nstart = "2026-0{}-01"\n[versions.schedule]\ncurrency = "USD"\n'
    entries = '[versions.schedule.entries]\napi_calls = "0.0{}"\n'
    book = 'type = "PriceBook"\nversion = 1\n' + "".join(
        (price_version + entries).format(n, n) for n in (1, 2)
    )
    asked = ["bill", USAGE, "--count", "api_calls", "--plan", file(book, "book.toml")]

    assert main(asked) == 2
    assert "depend on the date; give --at" in capsys.readouterr().err
    assert main([*asked, "--at", "2026-01-31"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $0.12"


def test_a_document_of_usage_is_billed(file, capsys, typed):
    usage = '{"type": "Usage", "version": 1, "quantities": {"api_calls": "5"}}'

    assert main(["bill", file(usage, "usage.json"), "--as", "usage", "--price", "api_calls=0.5"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $2.50"
    typed(usage)
    assert main(["bill", "-", "--as", "usage", "--price", "api_calls=0.5"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $2.50"
    fee = file('{"type": "Fee", "version": 1, "amount": "5"}', "fee.json")
    assert main(["bill", fee, "--as", "usage", "--price", "api_calls=0.5"]) == 1
    assert "not usage: 'Fee'" in capsys.readouterr().err


def test_an_event_without_the_group_it_is_asked_for_is_named(file, capsys):
    nameless = json.loads(event("7"))
    del nameless["subject"]
    asked = ["bill", file(lines(json.dumps(nameless)), "e.jsonl"), "--as", "cloudevents", "--by", "customer"]

    assert main([*asked, "--price", "api_calls=1"]) == 1
    assert "no customer of event 7 from gateway" in capsys.readouterr().err


def test_spans_of_opentelemetry_are_read(file, capsys):
    span = {"gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 80}
    prices = ["--price", "input_tokens=3/1000", "--price", "output_tokens=15/1000"]

    assert main(["bill", file(lines(json.dumps(span)), "spans.jsonl"), "--as", "otel", *prices]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $2.70"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as", "cloudevent"], "not a kind of row: 'cloudevent'; did you mean 'cloudevents'?"),
        (["--as", "otel", "--sum", "api_calls"], "--sum and --count read columns"),
        (["--period", "2026-01-01"], "write START/END, as in 2026-01-01/2026-02-01"),
        (["--period", "2026-02-01/2026-01-01"], "period"),
        (["--format", "focus"], "give --issuer and --period"),
        (["--format", "focus", "--issuer", "Acme", *JANUARY], "and --by COLUMN or --account"),
        (["--provider", "openai"], "say where a model's prices stand; give --model"),
        (["--as", "cloudevents", "--period", "2026-01-01/2026-02-01"], "events happen at instants"),
        (["--as", "usage", "--by", "customer"], "a document of usage has no columns"),
    ],
)
def test_options_that_contradict_each_other_are_answered_in_one_line(arguments, said, capsys):
    assert main(["bill", USAGE, "--price", "api_calls=1", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("tokenbill: ")
    assert told.count("\n") == 1
    assert said in told


def test_bills_are_written_as_a_page(capsys):
    assert main(["bill", USAGE, *BOTH, "--by", "customer", "--format", "html", "--number", "7"]) == 0

    rows = cells(capsys.readouterr().out)
    # 3.00, 0.32 and 2.07, each in cents
    assert [row for row in rows if row[0] in ("Net", "Total")] == [
        ("Net", "", "", "3.00"),
        ("Net", "", "", "0.32"),
        ("Net", "", "", "2.07"),
        ("Net", "5.39"),
        ("Total", "5.39 USD"),
    ]


@pytest.mark.parametrize(
    "said", [["--lang", "zh", "bill"], ["bill", "--lang", "zh"]], ids=["before", "after"]
)
def test_a_page_is_written_in_chinese(said, capsys):
    assert main([*said, USAGE, *BOTH, "--format", "html"]) == 0

    assert ("合计", "5.38 USD") in cells(capsys.readouterr().out)


def test_errors_are_told_in_chinese(capsys, typed):
    assert in_language(UnpricedUsage("gpu_hours", ["api_calls"]), "zh") == (
        "计量项没有价格：gpu_hours；价目表里有 api_calls；免费请写 0"
    )
    short = BalanceExhausted(Decimal("0.50"), "USD")
    assert in_language(short, "zh") == "余额还差 0.50 USD；请增加额度，或允许超出部分出账"
    assert in_language(short, "en") is short
    assert main(["bill", USAGE, "--lang=zh", "--sum", "gpu_hours=customer", "--price", "gpu_hours=1"]) == 1
    assert "第 2 行、customer 列：无法读取 'acme'" in capsys.readouterr().err
    typed("ten\n")
    assert main(["--lang", "zh"]) == 1
    out, err = capsys.readouterr()
    assert "输入有误，请重新输入: 不是可用的数字：'ten'；请写整数或小数的各位数字" in out
    assert "在最后一个回答之前输入就结束了" in err


def test_a_bill_is_written_as_pdf(capfdbinary, monkeypatch):
    pytest.importorskip("weasyprint", reason="not run: install weasyprint")

    assert main(["bill", USAGE, *BOTH, "--format", "pdf", "--issuer", "Acme"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"%PDF-")


def test_a_bill_is_written_as_rows_of_focus(capsys):
    asked = ["bill", USAGE, "--by", "customer", "--count", "api_calls", "--price", "api_calls=0.01"]

    assert main([*asked, "--format", "focus", "--issuer", "Acme", *JANUARY]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("0.12")
    assert {row["BillingPeriodEnd"] for row in rows} == {"2026-02-01T00:00:00Z"}
    assert {row["InvoiceIssuerName"] for row in rows} == {"Acme"}
    assert {row["BillingAccountId"] for row in rows} == {"acme", "globex", "initech"}

    whole = ["bill", USAGE, "--count", "api_calls", "--price", "api_calls=0.01", "--account", "Zoo AG"]
    assert main([*whole, "--format", "focus", "--issuer", "Acme", *JANUARY]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["BillingAccountId"] for row in rows} == {"Zoo AG"}


def test_the_schema_of_documents_is_printed(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")
