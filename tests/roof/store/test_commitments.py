"""Commitments over terms of several bills in a store: what closed months met counts in those after them."""

from decimal import Decimal

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from sqlalchemy import create_engine
from sqlalchemy.event import listen

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Commitment,
    Contract,
    Cycle,
    Fee,
    Grant,
    PriceSchedule,
)
from tokenbill.errors import BillMismatch, InvalidPeriod
from tokenbill.events import Event
from tokenbill.store import Store

MONTHS = Cycle.monthly()


def month(number):
    return MONTHS.containing(f"2026-{number:02}-16T00:00:00Z")


def plan_of(amount=1200, overage=1, **terms):
    year = Commitment(amount, cycle=Cycle.quarterly("2026-01-01"), overage=overage)
    return BillingPlan.on_demand(PriceSchedule(calls=1), cycle=MONTHS, commitment=year, **terms)


@pytest.fixture
def store(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'billing.db'}")
    listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    made = Store(engine)
    made.create()
    yield made
    made.engine.dispose()


@pytest.fixture
def use(store):
    ids = iter(range(1000))

    def recorded(number, calls, day=5):
        event = Event("s", str(next(ids)), f"2026-{number:02}-{day:02}T12:00:00Z", "c", {"calls": calls})
        done = store.record([event])
        assert not done.refused
        return sum(charged.total for charged in done.charged)

    return recorded


def test_a_true_up_counts_the_months_before(store, use):
    store.agree("c", plan_of())
    totals = []
    for number in range(1, 7):
        use(number, 300)
        totals.append(store.close("c").total)
        store.verify()

    # 1200 - 3 x 300 = 300 more in the last month of each quarter
    assert totals == [300, 300, 600] * 2


def test_what_lies_beyond_costs_more_once_the_months_before_are_closed(store, use):
    store.agree("c", plan_of(overage="1.5"))
    use(1, 500)
    assert use(2, 500) == 500  # January is open, and may count as well as not
    store.close("c", month(1))
    assert use(2, 100) == 100  # 500 + 600 are below 1,200
    use(3, 300)
    store.close("c", month(2))
    # March knows by now that 1,100 were met: 200 of its 300, and the ten that come, are beyond at 1.50
    assert use(3, 10) == 10 + Decimal("0.5") * 210
    store.verify()
    assert store.close("c").total == 310 + 105
    store.verify()


def test_the_last_step_of_a_month_charges_what_the_months_before_changed(store, use):
    store.agree("c", plan_of(overage=2))
    use(1, 1200)
    use(2, 50)
    store.close("c", month(1))
    bill = store.close("c", month(2))

    assert (bill.total, bill.due) == (100, 100)  # all of it is beyond, for twice the price
    bill.verify()
    store.verify()


def test_usage_that_comes_late_counts_in_the_months_after(store, use):
    store.agree("c", plan_of(overage=2))
    use(1, 1000)
    store.close("c")
    use(2, 100)
    assert use(1, 150, day=6) == 150  # 1,150 of 1,200 met in January by now
    assert use(2, 1) == 1 + 51  # 101 in February, of which 51 are beyond
    store.close("c")
    store.verify()
    assert use(1, 100, day=7) == 100 + 50  # of January itself
    # February is closed: it is corrected with that event, for all of its 101 are beyond now
    notes = store.bills("c")[2:]
    assert [(note.period, note.total) for note in notes[-2:]] == [(month(1), 150), (month(2), 50)]
    assert sum(bill.total for bill in store.bills("c")) == 1250 + 50 + 202
    store.verify()
    Store(store.engine).verify()
    assert store.adjust("c", id="n", at="2026-02-05", reason="nothing is left to correct").total == 0


def test_usage_that_comes_late_corrects_each_closed_month_after_it_once(store, use):
    store.agree("c", plan_of())
    for number in (1, 3, 4):  # nothing was used in February, which nobody closed
        use(number, 300)
        store.close("c", month(number))
    assert [bill.total for bill in store.bills("c")] == [300, 900, 300]  # 600 of March are the true-up

    assert use(1, 100, day=6) == 100
    note = store.adjust("c", reversal={"calls": 50}, id="n", at="2026-01-06", reason="a mistake")

    # the true-up of March is 100 less, and then 50 more; April is of the next term
    assert note.total == -50
    corrected = [(note.period, note.total, note.reason) for note in store.bills("c")[3:]]
    assert corrected == [
        (month(1), 100, "late usage"),
        (month(3), -100, "late usage"),
        (month(1), -50, "a mistake"),
        (month(3), 50, "a mistake"),
    ]
    store.verify()
    assert use(4, 1, day=6) == 1


def test_a_month_is_not_closed_before_the_ones_whose_usage_counts_in_it(store, use):
    store.agree("c", plan_of())
    use(1, 300)
    use(3, 300)
    with pytest.raises(InvalidPeriod, match="out of order"):
        store.close("c", month(3))
    store.close("c", month(1))
    assert store.close("c", month(3)).total == 900
    store.verify()


def test_amendments_and_credit_go_on_with_what_was_met(store, use):
    store.grant("c", Grant("g", 500, "USD", expires="2026-02-20T00:00:00Z"))
    store.agree("c", Contract(plan_of()))
    use(1, 300)
    use(2, 100)
    store.close("c", month(1))
    store.agree("c", Contract(plan_of()).amended("2026-02-15", plan_of(1500)))
    use(2, 100, day=20)
    assert store.bill("c", month(2)).total == 200
    store.close("c")
    store.verify()
    use(3, 100)
    # 45 of 90 days at 1,200 and 45 at 1,500 are 1,350: of which 300 + 200 + 100 are met
    assert store.close("c").total == 100 + 750
    store.verify()


QUARTERS = Cycle.quarterly("2026-01-01")


def quarterly(amount):
    fee = Fee(amount, "support", "arrears", cycle=QUARTERS)
    return BillingPlan.on_demand(PriceSchedule(calls=1), cycle=MONTHS, fees=[fee])


def small(**terms):
    return BillingPlan.on_demand(PriceSchedule(calls="0.10"), cycle=MONTHS, least_due=5, **terms)


@pytest.mark.parametrize(
    ("terms", "dues"),
    [
        # a fee in arrears is that of the terms at the start of its quarter
        (Contract(quarterly(90)).amended("2026-02-01", quarterly(180)), [10, 10, 100, 10, 10, 190]),
        (Contract(quarterly(90)).amended("2026-02-15", quarterly(180)), [10, 10, 100, 10, 10, 190]),
        # 61 of the 91 days of the second quarter: 60.329…
        (Contract(quarterly(90)).ended("2026-06-01"), [10, 10, 100, 10, "70.33"]),
        # what is below the least that is due is carried, up to the last bill of the contract
        (Contract(small()).ended("2026-04-01"), [0, 0, 3]),
        (Contract(small()).ended("2026-03-16"), [0, 0, 3]),
        # of the second quarter 61 of 91 days are committed: 1,200 x 61 / 91 = 804.395…, less 20
        (Contract(plan_of()).ended("2026-06-01"), [10, 10, 1180, 10, "794.40"]),
        (Contract(plan_of(20, 2)).amended("2026-02-15", plan_of(25, 3)), [10, 10, 25, 10, 10, 20]),
    ],
)
def test_terms_of_before_count_in_a_month_that_one_version_holds(store, use, terms, dues):
    store.agree("c", terms)
    account, found = Account(), []
    for number in range(1, len(dues) + 1):
        use(number, 10)
        found.append(store.close("c", month(number)).due)
        at = f"2026-{number:02}-05T12:00:00Z"
        bill = Bill.of({at: {"calls": 10}}, terms, period=month(number), opening=account)
        account = bill.closing
        assert bill.due == found[-1]
    assert found == [Decimal(due) for due in dues]
    store.verify()


def test_what_was_met_is_no_word_of_the_database(store, use):
    store.agree("c", plan_of())
    use(1, 300)
    store.close("c")
    use(2, 1)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            'UPDATE tokenbill_customers SET snapshot = replace(snapshot, \'"met":[[\', \'"met":[],"old":[[\')'
        )
    with pytest.raises(BillMismatch, match="commitments"):
        Store(store.engine).verify()
