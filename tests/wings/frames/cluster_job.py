"""A job for several machines: one contract and one price of a user's own, rated where the rows are.

It is a program of its own, as a user would send it, and prints its bills as JSON:
python cluster_job.py pyarrow | spark://HOST:PORT | tcp://HOST:PORT [--rows N]
"""

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path

PRICE = '''
from fractions import Fraction

from attrs import frozen

from tokenbill import Price


@frozen
class Squared(Price):
    """A price that grows with the square of what was used."""

    rate: str

    def amount(self, quantity):
        return Fraction(quantity) ** 2 * Fraction(self.rate)
'''
DAYS = 30
ROWS = 3000


def terms(price):
    """A price of the user's own, graduated ones that change in the middle of the month, and a tax."""
    from tokenbill import BillingPlan, Contract, Graduated, PerUnit, PriceSchedule, Tax, Tier

    def plan(rate, fee):
        tiers = Graduated([Tier(50, rate), Tier(None, "0.000000001")])
        prices = PriceSchedule(calls=tiers, gpu_seconds=PerUnit("0.10", per=3600), squares=price("0.0001"))
        return BillingPlan.subscription(fee, prices, taxes=[Tax("VAT", 20)])

    contract = Contract(plan("0.123456789", "20"))
    return contract.amended("2026-11-16", plan("0.07", "35"))


def rows(count):
    """The columns of the usage: text, numbers of every size, and dates."""
    numbers = range(count)
    return {
        "tenant": [f"tenant {n * 7 % 11}" for n in numbers],
        "at": [f"2026-11-{n % DAYS + 1:02}" for n in numbers],
        "calls": [n * n % 97 for n in numbers],
        "gpu_seconds": [n * 2**40 if n % 500 == 0 else n for n in numbers],
        "squares": [n % 13 for n in numbers],
    }


def bills(frame, price):
    """The job itself, the same on every engine."""
    from tokenbill import Period
    from tokenbill.frames import rate

    return rate(frame, terms(price), by="tenant", time="at", period=Period("2026-11-01", "2026-12-01"))


def on_spark(master, folder, count):
    """The bills of a Spark cluster, and the environments of the workers that made them."""
    sql = import_module("pyspark.sql")
    builder = sql.SparkSession.builder.master(master).appName("bills")
    settings = {"spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false", "spark.log.level": "ERROR"}
    # each worker finds the python3 of its own machine, which has tokenbill
    settings |= {
        "spark.pyspark.python": "python3",
        "spark.executor.memory": "600m",
        "spark.executor.cores": "1",
    }
    settings |= {"spark.pyspark.driver.python": sys.executable, "spark.sql.shuffle.partitions": "2"}
    # both workers are there before the first task is, or one of them may do all of it
    settings |= {"spark.scheduler.minRegisteredResourcesRatio": "1.0"}
    settings |= {"spark.scheduler.maxRegisteredResourcesWaitingTime": "120s", "spark.cores.max": "2"}
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.addPyFile(str(folder / "own_price.py"))
    price = import_module("own_price").Squared
    try:
        if count > ROWS:
            return measured(spark, price, count)
        table = import_module("pyarrow").table(rows(count))
        frame = spark.createDataFrame(table).repartition(4)
        homes = spark.sparkContext.parallelize(range(6), 6).map(home).distinct().collect()
        return bills(frame, price).toArrow().to_pylist(), homes
    finally:
        spark.stop()


def measured(spark, price, count):
    """Seconds that so many rows take from the first to the bills, and the sum that proves them read."""
    frame = spark.range(count).selectExpr(
        "concat('tenant ', id % 1000) AS tenant",
        "date_add(DATE'2026-11-01', CAST(id % 30 AS INT)) AS at",
        "id % 97 AS calls",
        "id % 3600 AS gpu_seconds",
        "id % 13 AS squares",
    )
    # without the column of times, whose rows go through Python: sums are the engine's own
    from tokenbill.frames import rate

    began = time.perf_counter()
    found = rate(frame.drop("at"), terms(price).plan, by="tenant").toArrow().to_pylist()
    return [*found[:1], {"seconds": time.perf_counter() - began, "lines": len(found)}], []


def home(_):
    """The environment that a worker runs in, which takes as long as to keep the others from it."""
    time.sleep(1)
    return sys.prefix


def on_dask(address, folder, count):
    """The bills of Dask's distributed scheduler, and the environments of its workers."""
    with import_module("distributed").Client(address) as client:
        client.upload_file(str(folder / "own_price.py"))
        price = import_module("own_price").Squared
        frame = import_module("pandas").DataFrame(rows(count))
        parts = import_module("dask.dataframe").from_pandas(frame, npartitions=8)
        return records(bills(parts, price).compute()), list(client.run(import_module("os").getpid).values())


def records(frame):
    """The rows of a frame of pandas, without its own kinds of nothing."""
    cells = frame.astype(object)
    return cells.where(cells.notna(), None).to_dict("records")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("where")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    (given.folder / "own_price.py").write_text(PRICE, encoding="utf-8")
    sys.path.insert(0, str(given.folder))
    if given.where == "pyarrow":
        table = import_module("pyarrow").table(rows(given.rows))
        found, homes = bills(table, import_module("own_price").Squared).to_pylist(), []
    elif given.where.startswith("spark"):
        found, homes = on_spark(given.where, given.folder, given.rows)
    else:
        found, homes = on_dask(given.where, given.folder, given.rows)
    json.dump({"bills": sorted(map(repr, map(plain, found))), "homes": sorted(homes)}, sys.stdout)


def plain(row):
    """A row whose numbers are the same text on every engine."""
    return {name: None if cell is None else str(cell) for name, cell in row.items()}


if __name__ == "__main__":
    main()
