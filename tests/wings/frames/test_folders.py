"""Folders of files: which are read, what their names say, and tables that keep a log."""

import uuid
from decimal import Decimal
from importlib import import_module

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")
pa = pytest.importorskip("pyarrow", reason="not run: install pyarrow, which reads files")

import pyarrow.parquet as pq

from tests.support.engines import engine_of
from tokenbill import BillingPlan, Period, PriceSchedule
from tokenbill.errors import UnreadableInput
from tokenbill.frames import add_up, compare, rate, rate_rows, stream

PLAN = BillingPlan.on_demand(PriceSchedule(gpu_seconds="1"))
KEY = "00000000-0000-0000-0000-000000000001"


def written(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def shown(table, *names):
    return sorted((*(row[name] for name in names), row["amount"]) for row in table.to_pylist())


def test_hidden_names_are_not_read(tmp_path):
    for name in ("part-0.parquet", "_temporary/0/part-0.parquet", ".trash/a.parquet", "deep/er/b.parquet"):
        written(tmp_path / name, tenant=["acme"], gpu_seconds=[10])
    written(tmp_path / "_part-1.parquet", tenant=["acme"], gpu_seconds=[10])

    assert shown(stream(tmp_path, PLAN, "tenant", meters=["gpu_seconds"]), "tenant") == [("acme", 20)]


def test_folders_of_parts_are_columns(tmp_path):
    for day, seconds in (("2026-11-01", 5), ("2026-11-02", 6)):
        written(tmp_path / f"day={day}" / "tenant=a%20b" / "part-0.parquet", gpu_seconds=[seconds])

    assert shown(stream(tmp_path, PLAN, "tenant"), "tenant") == [("a b", 11)]
    assert shown(stream(tmp_path, PLAN, ["day", "tenant"]), "day") == [("2026-11-01", 5), ("2026-11-02", 6)]
    written(tmp_path / "day=2026-11-03" / "tenant=__HIVE_DEFAULT_PARTITION__" / "c.parquet", gpu_seconds=[1])
    with pytest.raises(UnreadableInput, match="1 null in column 'tenant'"):
        stream(tmp_path, PLAN, "tenant")
    with pytest.raises(UnreadableInput, match="no such column: 'team'"):
        stream(tmp_path, PLAN, "team")


@pytest.mark.parametrize(
    ("log", "way_out"),
    [
        ("_delta_log/0.json", r"DeltaTable\(…\)\.to_pyarrow_table"),
        ("metadata/v1.metadata.json", r"table\.scan\(\)\.to_arrow\(\)"),
        (".hoodie/hoodie.properties", "reader of Hudi"),
    ],
)
def test_a_table_that_keeps_a_log_is_refused_with_its_reader(log, way_out, tmp_path):
    written(tmp_path / "table" / "part-0.parquet", tenant=["acme"], gpu_seconds=[10])
    (tmp_path / "table" / log).parent.mkdir()
    (tmp_path / "table" / log).touch()

    for path in (tmp_path, tmp_path / "table", tmp_path / "table" / "part-0.parquet"):
        with pytest.raises(UnreadableInput, match=f"whose files hold deleted rows.*'table'.*{way_out}"):
            stream(path, PLAN, "tenant")


@pytest.mark.slow
def test_a_folder_of_deltalake_is_refused_and_its_table_billed(tmp_path):
    deltalake = pytest.importorskip("deltalake", reason="not run: install deltalake")
    first = pa.table({"tenant": ["acme", "zoo"], "gpu_seconds": [10, 20]})
    deltalake.write_deltalake(tmp_path, first)
    deltalake.write_deltalake(tmp_path, first[:1], mode="overwrite")

    with pytest.raises(UnreadableInput, match="a table of Delta"):
        stream(tmp_path, PLAN, "tenant", meters=["gpu_seconds"])
    table = deltalake.DeltaTable(tmp_path).to_pyarrow_table()
    assert shown(rate(table, PLAN, "tenant", meters=["gpu_seconds"]), "tenant") == [("acme", 10)]


@pytest.mark.slow
def test_a_folder_of_pyiceberg_is_refused_and_its_table_billed(tmp_path):
    catalogs = pytest.importorskip("pyiceberg.catalog.sql", reason="not run: install pyiceberg")
    base = catalogs.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/w")
    base.create_namespace("n")
    rows = pa.table({"tenant": ["acme", "zoo"], "gpu_seconds": [10, 20]})
    table = base.create_table("n.usage", schema=rows.schema)
    table.append(rows)
    table.overwrite(rows[:1])

    with pytest.raises(UnreadableInput, match="a table of Iceberg"):
        stream(tmp_path / "w", PLAN, "tenant")
    for found in (table.scan().to_arrow(), table.scan().to_arrow_batch_reader()):
        assert shown(rate(found, PLAN, "tenant"), "tenant") == [("acme", 10)]


# ---------------------------------------------------------------- keys, streams and connections


def test_uuids_are_text_on_every_engine(tmp_path):
    engine_of("duckdb")
    duckdb, pl = import_module("duckdb"), import_module("polars")
    path = str(tmp_path / "u.parquet")
    duckdb.sql(f"COPY (SELECT uuid '{KEY}' AS tenant, 5 AS gpu_seconds) TO '{path}'")

    assert shown(stream(path, PLAN, "tenant"), "tenant") == [(KEY, 5)]
    assert rate(pl.read_parquet(path), PLAN, "tenant")["tenant"].to_list() == [KEY]
    assert rate(pl.scan_parquet(path), PLAN, "tenant").collect()["tenant"].to_list() == [KEY]
    assert rate(duckdb.read_parquet(path), PLAN, "tenant").project("tenant").fetchall() == [(KEY,)]
    frame = import_module("pandas").DataFrame({"tenant": [uuid.UUID(KEY)], "gpu_seconds": [5]})
    assert list(rate(frame, PLAN, "tenant")["tenant"]) == [KEY]


def test_months_of_pandas_are_read_as_text():
    pd = pytest.importorskip("pandas", reason="not run: install pandas")
    at = pd.to_datetime(pd.Series(["2026-11-01", "2026-11-30"]))
    frame = pd.DataFrame({"month": at.dt.to_period("M"), "gpu_seconds": [5, 6]})

    assert shown(pa.Table.from_pandas(rate(frame, PLAN, "month")), "month") == [("2026-11", 11)]


@pytest.mark.parametrize("kind", ["runs", "decimal32", "decimal64"])
def test_keys_of_odd_types_are_grouped(kind):
    cells = pa.array(["a", "a", "b"])
    if kind == "runs":
        keys = import_module("pyarrow.compute").run_end_encode(cells)
    elif not hasattr(pa, kind):
        pytest.skip("not run: this version of PyArrow has no short decimals")
    else:
        keys = pa.array([Decimal("1.5"), Decimal("1.5"), Decimal(2)], getattr(pa, kind)(9, 1))

    table = rate(pa.table({"tenant": keys, "gpu_seconds": [1, 2, 4]}), PLAN, "tenant")

    assert sorted(table["amount"].to_pylist()) == [3, 4]


class Stream:
    """What speaks Arrow's protocol and nothing else."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_whatever_speaks_arrow_is_read(tmp_path):
    table = pa.table({"tenant": ["a", "b"], "gpu_seconds": [5, 6]})
    written(tmp_path / "a.parquet", **{name: table[name] for name in table.column_names})
    dataset = import_module("pyarrow.dataset").dataset(tmp_path)

    for frame in (Stream(table), table.to_reader(), dataset):
        found = rate(frame, PLAN, "tenant")
        assert isinstance(found, pa.Table)
        assert shown(found, "tenant") == [("a", 5), ("b", 6)]
    with pytest.raises(UnreadableInput, match="not a stream of rows"):
        rate(Stream(pa.chunked_array([[1, 2]])), PLAN)


def of_daft(table):
    return import_module("daft").from_arrow(table)


def of_narwhals(table):
    return import_module("narwhals").from_native(table)


def of_datafusion(table):
    context = import_module("datafusion").SessionContext()
    context.from_arrow(table, "usage")
    return context.table("usage")


def of_arro3(table):
    return import_module("arro3.core").Table.from_arrow(table)


def of_chdb(table):
    rows = " UNION ALL ".join(f"SELECT '{t}' AS tenant, {n} AS gpu_seconds" for t, n in rows_of(table))
    return import_module("chdb").query(rows, "ArrowStream")


def rows_of(table):
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


SPEAKERS = {
    "arro3.core": of_arro3,
    "chdb": of_chdb,
    "daft": of_daft,
    "datafusion": of_datafusion,
    "ibis": lambda table: import_module("ibis").memtable(table),
    "narwhals": of_narwhals,
    "pyarrow": lambda table: table.to_reader(),
}


@pytest.mark.slow
@pytest.mark.parametrize("package", SPEAKERS)
def test_packages_that_speak_arrow_are_rated(package):
    pytest.importorskip(package, reason=f"not run: install {package}")
    table = pa.table({"tenant": ["a", "b", "a"], "gpu_seconds": [5, 6, 7]})

    def frame():
        return SPEAKERS[package](table)

    assert shown(rate(frame(), PLAN, "tenant"), "tenant") == [("a", 12), ("b", 6)]
    assert shown(rate_rows(frame(), PLAN, meters=["gpu_seconds"]), "tenant") == [("a", 5), ("a", 7), ("b", 6)]
    assert sorted(add_up(frame(), "tenant")["gpu_seconds"].to_pylist()) == [6, 12]
    compared = compare(
        frame(), {"one": PLAN, "two": PLAN}, "tenant", period=Period("2026-11-01", "2026-12-01")
    )
    assert sorted(compared["two"].to_pylist()) == [6, 12]


def test_a_connection_that_is_busy_is_told_the_way_out():
    engine_of("duckdb")
    with import_module("duckdb").connect() as connection:
        connection.execute("CREATE TABLE u AS SELECT 1 AS gpu_seconds FROM range(3)")
        usage = connection.sql("FROM u")
        connection.execute("SELECT * FROM range(1000000)").fetchone()
        try:
            (row,) = rate(usage, PLAN).project("amount").fetchall()
        except UnreadableInput as refused:
            assert "connection.cursor()" in str(refused)  # noqa: PT017
        else:
            assert row == (3,)
