"""What nobody should send, and what a database may hold: an error of ours or a stored value."""

import shutil
from contextlib import suppress
from decimal import Decimal
from itertools import permutations, product

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from sqlalchemy import create_engine
from sqlalchemy.event import listens_for

from tokenbill import BillingPlan, Contract, Cycle, Grant, Period, PriceSchedule, Usage
from tokenbill.errors import StoreUnavailable, TokenbillError
from tokenbill.events import Event
from tokenbill.store import Store, tables

SQL = [
    "'; DROP TABLE tokenbill_events; --",
    '" OR 1=1 --',
    "\\'; SELECT 1",
    "%s %(name)s :name ? $1 {0}",
    "acme ",
    " acme",
    "ACME",
    "ﬁ × 中文 😀",
    "e\u0301",
    "é",
    "a" * 255,
]
ODD = ["", "a" * 256, "a\x00b", "\ud800", "line\nbreak", "\u202eevil", 5, None, True, 1.5, b"acme", ["acme"]]
NUMBERS = [
    "9" * 29, "9" * 40, "1e29", "1e99", "-1", "-0", "NaN", "Infinity", "0x10", "١", "1_000", "", "1" * 4000,
    10**29, 10**40, -5, 0.1, float("nan"), True, None, Decimal("1e-30"), Decimal("sNaN"), [], {},
]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'billing.db'}")

    @listens_for(engine, "connect")
    def hasty(connection, _):
        connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug in a test

    made = Store(engine)
    made.create()
    made.agree("acme", BillingPlan.on_demand(PriceSchedule(calls="0.01"), cycle=Cycle.monthly()))
    yield made
    made.engine.dispose()


def message(**members):
    usual = {"specversion": "1.0", "id": "1", "source": "s", "type": "calls", "subject": "acme"}
    return {**usual, "time": "2026-11-05T10:00:00Z", "data": {"quantity": "1"}, **members}


def test_sql_in_any_text_is_text(store):
    plan = BillingPlan.subscription(5, PriceSchedule(calls="0.01"), name=SQL[0])
    for name in SQL:
        store.agree(name, plan)
        assert store.grant(name, Grant(name, "50.00", "USD"))
        assert store.grant(name, Grant(name, "50.00", "USD")) is False
        done = store.record([message(id=f"{name}"[:255], source=name, subject=name)])
        assert [each.total for each in done.charged] == [Decimal("5.01")]
        note = store.adjust(name, {"calls": 1}, id=name, at="2026-11-05", reason=name)
        assert (note.total, note.reason) == (Decimal("0.01"), name)
        assert store.close(name, Period("2026-11-01", "2026-12-01")).total == Decimal("5.02")
        assert store.balance(name).left(name) == Decimal("44.98")
    assert set(SQL) < set(store.customers())
    assert store.verify().events == len(SQL)


def test_odd_names_are_refused_by_an_error_of_ours(store):
    for name in ODD:
        done = store.record(
            [message(id=name), message(source=name), message(subject=name), message(type=name)]
        )
        assert (len(done.charged), len(done.refused)) == (0, 4)
        for call in (
            lambda name: store.agree(name, BillingPlan.on_demand(PriceSchedule(calls=1))),
            lambda name: store.grant(name, Grant("g", 5, "USD")),
            store.balance,
            lambda name: store.close(name, at="2026-11-05"),
            store.bills,
            lambda name: store.adjust("acme", {"calls": 1}, id=name, at="2026-11-05"),
            lambda name: store.status(name, at="2026-11-05"),
        ):
            with pytest.raises(TokenbillError):
                call(name)
    assert store.verify().events == 0


def test_odd_numbers_are_refused_or_stored_digit_for_digit(store):
    for i, number in enumerate(NUMBERS):
        done = store.record([message(id=f"n-{i}", data={"quantity": number})])
        assert len(done.charged) + len(done.refused) == 1
    used = store.account("acme").used["calls"]
    assert used == Decimal("1E-30")  # of all of them this is one; others are no numbers, or too many cents
    assert store.verify().customers == 1


@pytest.mark.parametrize(
    "given",
    [
        5, None, "text", b"bytes", [[]], [None], [5], [{}], [{"id": {}}], [{"specversion": 1}], [object()],
        [message(time="1969-01-01T00:00:00Z")], [message(time="9999-12-31T23:59:59Z")], [message(data=[])],
        [message(data={"usage": {"calls": "1", "images": "2"}})], [message(data={"quantity": "1", "x": "y"})],
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(store, given):
    try:
        done = store.record(given)
    except TokenbillError:
        done = None
    assert done is None or (done.charged == () and len(done.refused) == len(given))


@pytest.mark.parametrize(
    "time", ["1970-01-01T00:00:00Z", "9998-12-30T23:59:59.999999Z", "2016-12-31T23:59:59Z"]
)
def test_events_at_the_ends_of_time_are_charged_or_refused(store, time):
    done = store.record([message(time=time)])

    assert len(done.charged) + len(done.refused) == 1
    assert store.verify().events == len(done.charged)


def test_arguments_that_are_none_are_refused(store):
    november = Period("2026-11-01", "2026-12-01")
    for call in (
        lambda: store.agree("acme", "a plan"),
        lambda: store.agree("acme", None),
        lambda: store.grant("acme", {"id": "g"}),
        lambda: store.close("acme", "2026-11"),
        lambda: store.close("acme", at="soon"),
        lambda: store.adjust("acme", {"calls": -1}, id="a", at="2026-11-05"),
        lambda: store.adjust("acme", 5, id="a", at="2026-11-05"),
        lambda: store.adjust("acme", {"calls": 1}, id="a", at="2026-11-05", reason=5),
        lambda: store.adjust("acme", id="a", at="2026-11-05", reversal={"calls": 1}),
        lambda: store.status("acme", at="now"),
        lambda: store.bill("acme", "x"),
    ):
        with pytest.raises(TokenbillError):
            call()
    assert store.bill("acme", november).total == 0


def test_a_database_that_is_none_of_ours_says_what_to_do(tmp_path):
    bare = Store(f"sqlite:///{tmp_path / 'bare.db'}")
    with pytest.raises(StoreUnavailable, match=r"store\.create"):
        bare.record([message()])
    bare.engine.dispose()

    (tmp_path / "text.db").write_text("this is no database, " * 100)
    other = Store(f"sqlite:///{tmp_path / 'text.db'}")
    for call in (other.create, lambda: other.record([message()]), other.verify):
        with pytest.raises(StoreUnavailable):
            call()
    other.engine.dispose()


def test_an_account_that_was_edited_in_the_database_is_refused(store):
    store.record([message()])
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE tokenbill_customers SET snapshot = replace(snapshot, '0.01', '0.00')"
        )

    with pytest.raises(TokenbillError):
        store.verify()
    with pytest.raises(TokenbillError):
        store.balance("acme")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tokenbill_customers SET snapshot = '{}'")
    with pytest.raises(TokenbillError):
        store.balance("acme")


EDITED = [
    ("tokenbill_events", "time"), ("tokenbill_events", "usage"), ("tokenbill_changes", "document"),
    ("tokenbill_periods", "closed"), ("tokenbill_bills", "document"), ("tokenbill_grants", "document"),
    ("tokenbill_grants", "retired"), ("tokenbill_contracts", "document"), ("tokenbill_customers", "snapshot"),
]  # fmt: skip


def test_whatever_is_edited_in_a_table_is_found_by_an_error_of_ours(store, tmp_path):
    november = Period("2026-11-01", "2026-12-01")
    store.grant("acme", Grant("spent", "0.01", "USD"))
    store.record([message(), message(id="2", time="2026-12-05T00:00:00Z")])
    store.close("acme", november)
    store.adjust("acme", {"calls": 1}, id="a", at="2026-11-05")
    assert store.verify().events == 2
    store.engine.dispose()
    texts = ["", "x", "{}", "2026-11-05T00:00:00"]

    for i, ((table, column), text) in enumerate(product(EDITED, texts)):
        path = tmp_path / f"{i}.db"
        shutil.copy(tmp_path / "billing.db", path)
        other = Store(f"sqlite:///{path}")
        with other.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = ?", (text,))
        with pytest.raises(TokenbillError):
            other.verify()
        for call in (
            lambda other: other.bills("acme"),
            lambda other: other.bill("acme", november),
            lambda other: other.grant("acme", Grant("spent", "0.01", "USD")),
            lambda other: other.adjust("acme", {"calls": 1}, id="a", at="2026-11-05"),
            lambda other: other.record([message(id="3")]),
        ):
            with suppress(TokenbillError):
                call(other)
        other.engine.dispose()


def test_a_table_of_another_program_is_not_taken_for_ours(store):
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE tokenbill_schema")
        connection.exec_driver_sql("CREATE TABLE tokenbill_schema (version TEXT)")
        connection.exec_driver_sql("INSERT INTO tokenbill_schema VALUES ('seven')")

    with pytest.raises(StoreUnavailable, match="another program"):
        store.create()


# Tables of another version


def test_older_tables_are_upgraded_one_version_at_a_time_and_later_ones_refused(store, monkeypatch):
    store.record([message()])
    steps = []
    monkeypatch.setattr(tables, "LATEST", 3)
    monkeypatch.setitem(tables.MIGRATIONS, 1, lambda connection: steps.append(1))
    monkeypatch.setitem(tables.MIGRATIONS, 2, lambda connection: steps.append(2))

    store.create()
    store.create()

    assert steps == [1, 2]
    assert store.bill("acme").total == Decimal("0.01")
    monkeypatch.setattr(tables, "LATEST", 1)
    with pytest.raises(StoreUnavailable, match="later version"):
        store.create()


# Any order


OCTOBER = Period("2026-10-01", "2026-11-01")


@pytest.mark.parametrize("every", [24, pytest.param(1, marks=pytest.mark.slow)])
def test_terms_that_change_a_close_and_late_usage_come_to_one_state_in_any_order(every):
    """Events of both sides of an amendment, a meter that is added, and a period that closes: 240 orders."""
    old = BillingPlan.subscription(31, PriceSchedule(calls="0.50"), cycle=Cycle.monthly())
    new = BillingPlan.subscription(62, PriceSchedule(calls="0.25", images=2), cycle=Cycle.monthly())
    contract = Contract(old).amended("2026-10-16", new)
    used = {
        "early": ("2026-10-05T00:00:00Z", Usage(calls=10)),
        "late": ("2026-10-20T00:00:00Z", Usage(calls=8)),
        "image": ("2026-10-21T00:00:00Z", Usage(images=1)),
        "next": ("2026-11-03T00:00:00Z", Usage(calls=4)),
    }
    steps = [*used, "agree", "close"]
    store = Store("sqlite://")
    store.create()
    states = set()
    orders = [
        order
        for order in permutations(steps)
        # terms are agreed on before they are needed: for the meter, and before the period is closed
        if order.index("agree") < min(order.index("image"), order.index("close"))
    ]
    for i, order in enumerate(orders[::every]):
        name = f"customer {i}"
        store.agree(name, old)
        store.grant(name, Grant("paid", 1000, "USD"))
        for step in order:
            if step in used:
                time, usage = used[step]
                store.record([Event("s", f"{name} {step}", time, name, usage)])
            elif step == "agree":
                store.agree(name, contract)
            else:
                store.close(name, OCTOBER)
        october = store.bill(name, OCTOBER)
        states.add((
            october.total, sum(each.total for each in store.bills(name)),
            store.bill(name, Period("2026-11-01", "2026-12-01")).total, store.balance(name).remaining(),
        ))  # fmt: skip

    assert len(orders) == 240
    # 31 × 15 ÷ 31 + 62 × 16 ÷ 31 + 10 × 0.50 + 8 × 0.25 + 2 = 56; 62 + 4 × 0.25 = 63; 1000 − 56 − 63
    store.verify()
    assert states == {(56, 56, 63, 881)}
    store.engine.dispose()
