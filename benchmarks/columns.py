"""Time frames against the engines' own sums and hand-written expressions, over growing numbers of rows.

Run it as ``python benchmarks/columns.py [--rows 1e6,1e7] [--rounds N] [--tenants N] [--folder F]``.
It needs tokenbill installed; engines that are not installed are left out, and named.
Every ratio is of two things timed in turn in this one run, median pair by pair. Growth and memory are
those of a process of its own for each engine and size, over a Parquet file that is written first.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tokenbill import (
    BillingPlan,
    Currency,
    Discount,
    Graduated,
    Package,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Volume,
)
from tokenbill.frames import compare, rate, rate_rows, stream, totals
from tokenbill.frames.layouts import Options

METERS = ("a", "b", "c")
PRICES = {
    "a": Graduated([Tier(1000, "0.01"), Tier(10_000, "0.008"), Tier(100_000, "0.005"), Tier(None, "0.002")]),
    "b": Volume([Tier(10_000, "0.03"), Tier(500_000, "0.02"), Tier(None, "0.015")]),
    "c": Package(1000, "0.50"),
}
SCHEDULE, VAT = PriceSchedule(PRICES), Tax("VAT", 19)
PLAN = BillingPlan.on_demand(SCHEDULE)
EVERYTHING = BillingPlan.subscription(
    "20", SCHEDULE, included={"a": 500}, discounts=[Discount.percent(10)], minimum=25, taxes=[VAT]
)
ON_USAGE = BillingPlan.subscription("20", SCHEDULE, taxes=[Tax("VAT", 19, on="usage")])
BILLS = {
    "on demand": (PLAN, "≤ 2.0"),
    "fee, discount, minimum, tax, allowance": (EVERYTHING, "≤ 3.0"),
    "tax on usage alone": (ON_USAGE, "≤ 5"),
    "rounding by line, tax": (
        BillingPlan.subscription("20", SCHEDULE, taxes=[VAT], rounding=Rounding(stage="line")),
        "≤ 7",
    ),
    "fixed discount, tax on usage": (
        BillingPlan.subscription("20", SCHEDULE, discounts=[Discount.fixed(4)], taxes=ON_USAGE.taxes),
        "≤ 8",
    ),
    "token price": (
        BillingPlan(
            PriceSchedule(PRICES, currency=Currency("TOKEN", 0)),
            currency="USD",
            token_price=PerUnit("0.0125"),
        ),
        "≤ 8",
    ),
}
"""Plans of many small bills, four rows each, and the ratio to the sums of the engine that is wanted."""
MEMORY = {
    ("on demand", "lines"): "≤ 700 MiB",
    ("fee, discount, minimum, tax, allowance", "lines"): "≤ 750 MiB",
    ("on demand", "wide"): "≤ 1,300 MiB",
}
"""The most memory that the bills of 1,000,000 customers may take, with the frame and Python itself."""
TOKENS = BillingPlan.on_demand(
    PriceSchedule(input_tokens=PerUnit(3, per=10**6), output_tokens=PerUnit(15, per=10**6))
)
CHUNK = 1 << 20
CALLS = 200
ENGINES = ("polars", "duckdb", "pyspark", "genai_prices")

Work = Callable[[], object]


class Row(NamedTuple):
    """One thing against another, and the ratio that is wanted; *count* are the rows of the one."""

    name: str
    ours: Work
    other: Work
    target: str
    count: int | None = None


def timed(work: Work) -> float:
    """Seconds of one go."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def told(row: Row, count: int, rounds: int) -> str:
    """A line of the table: nanoseconds a row of both sides, and the median of the ratios of the pairs."""
    row.ours()
    row.other()
    pairs = [
        (timed(row.ours) / (row.count or count) * 1e9, timed(row.other) / count * 1e9) for _ in range(rounds)
    ]
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / two for one, two in pairs)
    return f"{row.name:46}{ours:12,.1f}{other:10.1f}{ratio:12,.2f}  {row.target}"


# ---------------------------------------------------------------- data


def written(folder: Path, count: int, tenants: int) -> Path:
    """A Parquet file of so many rows: a tenant and three quantities."""
    np, pa = importlib.import_module("numpy"), importlib.import_module("pyarrow")
    parquet, path = importlib.import_module("pyarrow.parquet"), folder / f"usage-{count}-{tenants}.parquet"
    if path.exists():
        return path
    random, names = np.random.default_rng(1), pa.array([f"tenant-{i:06}" for i in range(tenants)])
    schema = pa.schema([("tenant", pa.string()), *((meter, pa.int64()) for meter in METERS)])
    with parquet.ParquetWriter(path.with_suffix(".part"), schema) as out:
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            numbers = {meter: random.integers(0, 10**6, size) for meter in METERS}
            tenant = names.take(pa.array(random.integers(0, tenants, size)))
            out.write_table(pa.table({"tenant": tenant, **numbers}, schema))
    return path.with_suffix(".part").rename(path)


# ---------------------------------------------------------------- ratios


def polars_rows(path: Path) -> Iterator[Row]:
    """Row by row against int64 expressions by hand, which wrap silently; sums against its own, which do."""
    pl = importlib.import_module("polars")
    frame = pl.read_parquet(path)
    numbers, lazy = frame.select(METERS), frame.lazy()
    a, b, c = map(pl.col, METERS)
    by_hand = (
        pl.when(a <= 1000)
        .then(a * 10)
        .when(a <= 10_000)
        .then(a * 8 + 2000)
        .when(a <= 100_000)
        .then(a * 5 + 32_000)
        .otherwise(a * 2 + 332_000)
        + pl.when(b <= 10_000).then(b * 30).when(b <= 500_000).then(b * 20).otherwise(b * 15)
        + (c + 999) // 1000 * 500
    )
    mills = numbers.select(by_hand.alias("amount"))["amount"].cast(pl.Int128)
    assert rate_rows(numbers, PLAN, scale=3)["amount"].reinterpret(dtype=pl.Int128).equals(mills)
    yield Row(
        "polars: rate_rows / int64 by hand",
        lambda: rate_rows(numbers, PLAN),
        lambda: numbers.with_columns(amount=by_hand),
        "≤ 1.8",
    )
    yield Row(
        "polars lazy: rate_rows / int64 by hand",
        lambda: rate_rows(numbers.lazy(), PLAN).collect(),
        lambda: numbers.lazy().with_columns(amount=by_hand).collect(),
        "",
    )
    sums = [column.sum() for column in (a, b, c)]
    yield Row(
        "polars: rate / its int64 sums",
        lambda: rate(frame, PLAN, by="tenant"),
        lambda: frame.group_by("tenant").agg(sums),
        "≤ 1.5",
    )
    yield Row(
        "polars lazy: rate / its int64 sums",
        lambda: rate(lazy, PLAN, by="tenant").collect(),
        lambda: lazy.group_by("tenant").agg(sums).collect(),
        "≤ 1.4",
    )


def duckdb_rows(path: Path) -> Iterator[Row]:
    """Sums of a table in memory, and of the file, against DuckDB's own."""
    connection = importlib.import_module("duckdb").connect()
    connection.execute(f"CREATE TABLE events AS SELECT * FROM read_parquet('{path}')")
    for name, source in (("table", "events"), ("file", f"read_parquet('{path}')")):
        data = connection.sql(f"SELECT * FROM {source}")
        sums = f"SELECT tenant, sum(a), sum(b), sum(c) FROM {source} GROUP BY tenant"
        yield Row(
            f"duckdb {name}: rate / its sums",
            lambda data=data: rate(data, PLAN, by="tenant").to_arrow_table(),
            lambda sums=sums: connection.sql(sums).to_arrow_table(),
            "≤ 1.4",
        )


def pyspark_rows(path: Path) -> Iterator[Row]:
    """Rating against the aggregation alone, in one process with two threads."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    sql, functions = importlib.import_module("pyspark.sql"), importlib.import_module("pyspark.sql.functions")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    session = (
        builder.config("spark.sql.shuffle.partitions", "2").config("spark.log.level", "OFF").getOrCreate()
    )
    frame = session.read.parquet(str(path))
    tenants, back_end = frame.groupBy("tenant"), importlib.import_module("tokenbill.frames.spark")
    job = back_end.job_on(frame, Options(PLAN, ("tenant",)))
    decimals = [functions.sum(functions.col(meter).cast("decimal(28,0)")) for meter in METERS]
    others = {
        "the same sums, not rated": (lambda: back_end.summed(frame, job).toArrow(), "≤ 1.2"),
        "its decimal sums": (lambda: tenants.agg(*decimals).toArrow(), ""),
        "its bigint sums, which wrap": (lambda: tenants.agg(*map(functions.sum, METERS)).toArrow(), ""),
    }
    for name, (other, target) in others.items():
        yield Row(f"pyspark: rate / {name}", lambda: rate(frame, PLAN, by="tenant").toArrow(), other, target)
    session.stop()


def genai_prices_rows(path: Path) -> Iterator[Row]:
    """What a loop over a price library takes for as many rows of two token meters; theirs over ours."""
    pl, peer = importlib.import_module("polars"), importlib.import_module("genai_prices")
    frame = pl.read_parquet(path, columns=["a", "b"]).rename({"a": "input_tokens", "b": "output_tokens"})
    usage = peer.Usage(input_tokens=123_456, output_tokens=7890)

    def loop() -> None:
        for _ in range(CALLS):
            peer.calc_price(usage, "claude-sonnet-4-5", provider_id="anthropic")

    yield Row(
        "genai-prices loop / polars rate_rows",
        loop,
        lambda: rate_rows(frame, TOKENS),
        "≥ 1000",
        count=CALLS,
    )


RATIOS = {
    "polars": polars_rows,
    "duckdb": duckdb_rows,
    "pyspark": pyspark_rows,
    "genai_prices": genai_prices_rows,
}


# ---------------------------------------------------------------- many bills


def bills(folder: Path, count: int, rounds: int) -> None:
    """Print ratios of bills of so many tenants to the sums of Polars, and the memory of each in a process."""
    pl = importlib.import_module("polars")
    path = written(folder, 4 * count, count)
    frame = pl.read_parquet(path)
    sums = [pl.col(meter).sum() for meter in METERS]
    print(f"{f'{count:,} bills, ns a bill':46}{'one':>12}{'other':>10}{'ratio':>12}  target")
    for name, (plan, target) in BILLS.items():
        work = partial(rate, frame, plan, by="tenant")
        row = Row(name, work, lambda: frame.group_by("tenant").agg(sums), target)
        print(told(row, count, rounds), flush=True)
    for row in reports(frame, lambda: frame.group_by("tenant").agg(sums)):
        print(told(row, count, rounds), flush=True)
    few = frame.head(10)
    rate(few, EVERYTHING, by="tenant")
    again = statistics.median(timed(lambda: rate(few, EVERYTHING, by="tenant")) for _ in range(50))
    print(f"{'a second call of rate with 10 rows':46}{again * 1e3:12.2f} ms{'':>19}  ≤ 2 ms")
    for (name, shown), target in MEMORY.items():
        command = [sys.executable, __file__, "--child", "bills", name, str(path), shown]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        print(f"{f'peak memory, {shown}: {name}':46}{int(done.stdout.split()[1]):12} MiB{'':>18}  {target}")


def reports(frame: Any, own: Work) -> Iterator[Row]:
    """What is asked of all tenants, against calls of `rate` or the sums of the engine."""
    pl = importlib.import_module("polars")
    tenants = frame["tenant"].unique()
    some = frame.filter(pl.col("tenant").is_in(tenants.head(20_000).implode()))
    plans = {"on demand": PLAN, "everything": EVERYTHING, "by line": BILLS["rounding by line, tax"][0]}
    every = [partial(rate, some, plan, by="tenant") for plan in plans.values()]
    yield Row(
        f"compare, {min(20_000, len(tenants)):,} tenants × 3 plans / 3 × rate",
        lambda: compare(some, plans, by="tenant"),
        lambda: [work() for work in every],
        "≤ 3",
    )
    grants = pl.DataFrame({"tenant": tenants, "id": "paid", "amount": 1000, "currency": "USD"})
    yield Row(
        "totals, a paid grant each / its sums",
        lambda: totals(frame, PLAN, by="tenant", grants=grants),
        own,
        "≤ 5",
    )
    yield Row(
        'rate, columns="wide" / its sums', lambda: rate(frame, PLAN, by="tenant", columns="wide"), own, ""
    )


def bills_file(name: str, path: str, columns: Literal["lines", "wide"]) -> None:
    """The bills of one plan; the file is read into memory, as a user's frame would be."""
    frame = importlib.import_module("polars").read_parquet(path)
    rate(frame, BILLS[name][0], by="tenant", columns=columns)


# ---------------------------------------------------------------- growth


def stream_file(path: str) -> None:
    stream(path, PLAN, by="tenant")


def duckdb_file(path: str) -> None:
    duckdb = importlib.import_module("duckdb")
    rate(duckdb.read_parquet(path), PLAN, by="tenant").to_arrow_table()


def polars_file(path: str) -> None:
    pl = importlib.import_module("polars")
    rate(pl.scan_parquet(path), PLAN, by="tenant").collect(engine="streaming")


GROWTH = {"stream": stream_file, "duckdb": duckdb_file, "polars": polars_file}


def child(engine: str, warm: str, path: str, goes: str) -> None:
    """What a process of its own prints: seconds of its fastest go, and MiB at its peak."""
    if engine == "bills":
        print(timed(partial(bills_file, warm, path, goes)), peak())
        return
    work = GROWTH[engine]
    work(warm)
    print(min(timed(partial(work, path)) for _ in range(int(goes))), peak())


def peak() -> int:
    """The most memory of this process in MiB; Linux says it apart from that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def growth(files: dict[int, Path], goes: int) -> None:
    """Print nanoseconds a row and peak memory of each engine over files of each size."""
    warm = files[min(files)]
    for engine in GROWTH:
        if engine != "stream" and find_spec(engine) is None:
            continue
        speeds = []
        for count, path in files.items():
            command = [sys.executable, __file__, "--child", engine, str(warm), str(path), str(goes)]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            seconds, mebibytes = done.stdout.split()
            speeds.append(float(seconds) / count * 1e9)
            print(f"{engine:12}{count:16,} rows{speeds[-1]:10.1f} ns/row{int(mebibytes):8} MiB")
        grown = max(speed / speeds[0] for speed in speeds)
        print(f"{engine:12}slowest / with the fewest rows{grown:8.2f}  ≤ 2, and ≤ 512 MiB at 10^8 rows")


# ---------------------------------------------------------------- command line


def command_line(folder: Path, rounds: int) -> None:
    """Print the CPU time of `tokenbill bill` over a file of CSV, against one line of DuckDB, in floats."""
    path, count = folder / "usage.csv", 2_000_000
    arrow_csv, parquet = map(importlib.import_module, ("pyarrow.csv", "pyarrow.parquet"))
    arrow_csv.write_csv(parquet.read_table(written(folder, count, 4247)), path)
    sums = [part for meter in METERS for part in ("--sum", meter, "--price", f"{meter}=0.01")]
    bill = [sys.executable, "-m", "tokenbill", "bill", str(path), "--by", "tenant", *sums]
    query = f"SELECT tenant, sum(a) * 0.01 + sum(b) * 0.01 + sum(c) * 0.01 FROM '{path}' GROUP BY tenant"
    line = [sys.executable, "-c", f'import duckdb; print(duckdb.sql("{query}").fetchall())']
    pairs = [(cpu(bill), cpu(line)) for _ in range(rounds)]
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / two for one, two in pairs)
    print(f"{f'{count:,} rows of CSV, seconds of CPU':46}{'one':>12}{'other':>10}{'ratio':>12}  target")
    print(f"{'command line / one line of duckdb':46}{ours:12.2f}{other:10.2f}{ratio:12.2f}  ≤ 3")


def cpu(command: Sequence[str]) -> float:
    """The seconds of CPU that a command takes, with the start of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# ---------------------------------------------------------------- options


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1e6,1e7", help="sizes of the files; ratios use the first one")
    parser.add_argument("--rounds", type=int, default=7, help="pairs that each ratio is the median of")
    parser.add_argument("--goes", type=int, default=3, help="goes of each size, of which the fastest counts")
    parser.add_argument("--tenants", type=int, default=4247)
    parser.add_argument("--folder", help="where the files are written and kept; a temporary one unless given")
    parser.add_argument("--only", choices=["ratios", "bills", "growth", "files"])
    parser.add_argument("--bills", default="1e5", help="how many bills of four rows each")
    parser.add_argument("--leave-out", default="", help=f"names of {', '.join(ENGINES)}")
    return parser.parse_args()


def ratios(path: Path, count: int, rounds: int, left_out: str) -> None:
    print(f"{f'{count:,} rows, ns a row':46}{'one':>12}{'other':>10}{'ratio':>12}  target")
    for engine, rows in RATIOS.items():
        if engine in left_out or find_spec(engine) is None:
            print(f"left out: {engine}")
            continue
        for row in rows(path):
            print(told(row, count, rounds), flush=True)


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    asked = options()
    sizes = [int(float(size)) for size in asked.rows.split(",")]
    installed = [f"{name} {version(name)}" for name in ("numpy", "pyarrow", *ENGINES[:3]) if find_spec(name)]
    print(f"CPython {platform.python_version()}, {os.cpu_count()} CPUs, {', '.join(installed)}\n")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(asked.folder or scratch)
        folder.mkdir(exist_ok=True)
        files = {count: written(folder, count, asked.tenants) for count in sizes}
        if asked.only in (None, "bills") and find_spec("polars"):
            bills(folder, int(float(asked.bills)), asked.rounds)
        if asked.only in (None, "ratios"):
            ratios(files[sizes[0]], sizes[0], asked.rounds, asked.leave_out)
        if asked.only in (None, "files") and find_spec("duckdb"):
            command_line(folder, asked.rounds)
        if asked.only in (None, "growth"):
            growth(files, asked.goes)


if __name__ == "__main__":
    main()
