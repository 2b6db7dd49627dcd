"""A store on SQLite: what is charged, refused, kept and corrected, beside sums worked out by hand."""

import pickle
import sys
from decimal import Decimal
from fractions import Fraction

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.event import listens_for

from tokenbill import (
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
)
from tokenbill.errors import (
    AccountMismatch,
    BillMismatch,
    ConflictingEvent,
    CurrencyMismatch,
    InvalidAccount,
    InvalidGrant,
    InvalidPeriod,
    InvalidPlan,
    InvalidUsage,
)
from tokenbill.events import Event
from tokenbill.store import Store
from tokenbill.store.statements import Statement

TOKEN = Currency("TOKEN", places=0)
BURN = PriceSchedule(
    {"gpu_seconds{gpu=H100}": PerUnit(3, per=60), "calls": PerUnit(1, per=10)}, currency=TOKEN
)
PREPAID = BillingPlan.prepaid(PriceSchedule(calls="0.50"), overage="refuse")
CALLS = BillingPlan.on_demand(PriceSchedule(calls=1), cycle=Cycle.monthly())
OCTOBER = Period("2026-10-01", "2026-11-01")
NOVEMBER = Period("2026-11-01", "2026-12-01")


@pytest.fixture
def store(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'billing.db'}")

    @listens_for(engine, "connect")
    def hasty(connection, _):
        connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug in a test

    made = Store(engine)
    made.create()
    return made


def event(id, customer="acme", time="2026-11-05T10:00:00Z", **usage):
    return Event("gateway", str(id), time, customer, Usage(**usage))


def left(store, customer="acme"):
    return store.balance(customer).remaining()


def prepaid(store, amount="5.00", customer="acme", plan=PREPAID):
    store.agree(customer, plan)
    store.grant(customer, Grant("first", amount, plan.currency))


# Once, and refused without a trace


def test_a_batch_with_a_poor_customer_books_everybody_else(store):
    prepaid(store, "5.00"), prepaid(store, "1.00", "poor")
    batch = [event(1, calls=3), event(2, "poor", calls=3)]

    first, again = store.record(batch), store.record(batch)

    assert [each.event for each in first.charged] == batch[:1]
    assert [(each.customer, each.event, each.short) for each in first.refused] == [
        ("poor", batch[1], Decimal("0.50"))
    ]
    assert first.refused[0].code == "balance_exhausted"
    assert (again.charged, again.repeated) == ((), first.charged)
    assert (left(store), left(store, "poor")) == (Decimal("3.50"), Decimal("1.00"))

    store.grant("poor", Grant("second", "2.00", "USD"))
    third = store.record(batch)

    assert [each.event for each in third.charged] == batch[1:]
    assert (left(store), left(store, "poor")) == (Decimal("3.50"), Decimal("1.50"))
    assert store.verify().events == 2


def test_ten_calls_of_a_tenth_fit_one_token_and_the_eleventh_does_not(store):
    prepaid(store, 1, plan=BillingPlan.prepaid(BURN, overage="refuse"))

    done = [store.record([event(i, calls=1)]) for i in range(11)]

    assert [len(each.charged) for each in done] == [1] * 10 + [0]
    assert done[10].refused[0].short == 1
    assert len(store.record([event(f"b{i}", calls=1) for i in range(3)]).refused) == 3


def test_small_events_add_up_by_the_running_sum(store):
    prepaid(store, 5000, plan=BillingPlan.prepaid(BURN, overage="refuse"))
    h100 = {"gpu_seconds{gpu=H100}": 20}
    events = [Event("gpu", f"a{i}", "2026-11-05T10:00:00Z", "acme", Usage(h100)) for i in range(60)]
    halves = {"gpu_seconds{gpu=H100}": 10}
    events += [Event("gpu", f"b{i}", "2026-11-05T10:00:00Z", "acme", Usage(halves)) for i in range(60)]
    events += [event(f"c{i}", calls=1) for i in range(40)]

    store.record(events)

    assert left(store) == 4906  # 5000 − 60 × 1 − 60 × ½ − 40 ÷ 10


def test_an_id_with_other_content_is_refused_and_a_repetition_is_answered_as_it_was(store):
    prepaid(store)
    one, other = event(1, calls=2), event(1, calls=3)

    first = store.record([one, one, other])
    second = store.record([other, one])

    assert [len(first.charged), len(first.repeated), len(first.refused)] == [1, 1, 1]
    assert isinstance(first.refused[0].error, ConflictingEvent)
    assert second.repeated == first.charged
    assert second.refused[0].code == "conflicting_event"
    assert left(store) == 4


def test_two_customers_never_share_an_id(store):
    prepaid(store), prepaid(store, customer="globex")

    store.record([event(1, calls=1)])
    done = store.record([event(1, "globex", calls=1)])

    assert done.refused[0].code == "conflicting_event"
    assert left(store, "globex") == 5


def test_what_cannot_be_read_or_priced_stops_no_other_event(store):
    prepaid(store)
    message = {
        "specversion": "1.0",
        "id": "m-1",
        "source": "gateway",
        "type": "calls",
        "subject": "acme",
        "time": "2026-11-05T10:00:00Z",
        "data": {"quantity": "2"},
    }
    bad = [message | {"id": "m-2", "time": "yesterday"}, 5, message | {"id": "m-3", "subject": None}]

    done = store.record([message, *bad, event(4, "nobody", calls=1), event(5, images=1)])

    assert [(each.id, each.total) for each in done.charged] == [("m-1", Decimal("1.00"))]
    assert [(each.place, each.code) for each in done.refused] == [
        (1, "unreadable_input"),
        (2, "unreadable_input"),
        (3, "unreadable_input"),
        (4, "invalid_account"),
        (5, "unpriced_usage"),
    ]


def test_a_refused_pair_is_refused_twice_and_what_is_no_list_is_refused_whole(store):
    prepaid(store)

    done = store.record([event(1, calls=99), event(1, calls=99)])

    assert [each.place for each in done.refused] == [0, 1]
    with pytest.raises(InvalidUsage):
        store.record("events")


def test_an_amount_beyond_what_a_database_adds_up_is_refused(store):
    store.agree("acme", BillingPlan.on_demand(PriceSchedule(calls="1000000")))

    done = store.record([event(i, calls=calls) for i, calls in enumerate([10**20, 1, 10**20, 1])])

    # the first of a period, and one of those that run on after it
    assert [(each.place, each.code) for each in done.refused] == [(0, "invalid_usage"), (2, "invalid_usage")]
    assert store.bill("acme").total == 2_000_000
    assert store.verify().events == 2


# Grants


def test_a_grant_is_added_once_and_another_one_under_its_id_is_refused(store):
    prepaid(store)

    assert store.grant("acme", Grant("first", "5.00", "USD")) is False
    with pytest.raises(InvalidGrant):
        store.grant("acme", Grant("first", "6.00", "USD"))
    with pytest.raises(InvalidGrant):
        store.grant("acme", "5.00")
    with pytest.raises(CurrencyMismatch):
        store.grant("acme", Grant("yen", 500, "JPY"))
    assert left(store) == 5


def test_the_days_of_a_grant_are_those_of_the_cycle(store):
    plan = BillingPlan.prepaid(
        PriceSchedule(calls=1), overage="refuse", cycle=Cycle.monthly(tz="Asia/Shanghai")
    )
    store.agree("acme", plan)
    store.grant("acme", Grant("gift", 5, "USD", through="2026-11-05"))

    inside, outside = (
        event(i, time=time, calls=1)
        for i, time in enumerate(
            ["2026-11-05T15:59:59Z", "2026-11-05T16:00:00Z"]  # midnight in Shanghai
        )
    )

    assert len(store.record([outside, inside]).charged) == 1
    assert store.balance("acme").left("gift") == 4


# Periods


def month(store, customer="acme", **terms):
    terms = {"cycle": Cycle.monthly(), **terms}
    store.agree(customer, BillingPlan.subscription("20.00", PriceSchedule(calls="0.50"), **terms))


def test_a_bill_so_far_has_all_lines_and_charges_nothing(store):
    month(store)
    store.record([event(i, calls=2) for i in range(5)])

    bill = store.bill("acme", NOVEMBER)

    assert (bill.total, bill.due, bill.final) == (Decimal("25.00"), Decimal("25.00"), False)
    assert [line.kind for line in bill.lines] == ["fee", "usage"]
    bill.verify()
    assert store.account("acme").accrued == 25


def test_closing_twice_is_the_same_bill_and_late_usage_an_adjustment(store):
    month(store)
    store.record([event(1, calls=2), event(2, time="2026-12-01T00:00:00Z", calls=4)])

    bill = store.close("acme", NOVEMBER)
    done = store.record([event(3, time="2026-11-30T23:59:59.999999Z", calls=6)])

    assert bill.total == 21
    assert done.charged[0].total == 3
    assert store.close("acme", NOVEMBER).total == 21
    first, second = store.bills("acme")
    assert (first.total, second.total, second.before, second.after) == (21, 3, 21, 24)
    assert store.bill("acme", NOVEMBER).total == 24
    assert store.bill("acme", Period("2026-12-01", "2027-01-01")).total == 22
    assert store.verify().bills == 2


def test_a_true_up_shrinks_as_late_usage_comes(store):
    month(store, minimum=100)
    store.record([event(1, calls=20)])  # 20 + 10 of 100

    bill = store.close("acme", NOVEMBER)
    late = store.record([event(2, time="2026-11-06T00:00:00Z", calls=20)])
    more = store.record([event(3, time="2026-11-07T00:00:00Z", calls=200)])

    assert (bill.total, bill.due) == (100, 100)
    assert late.charged[0].total == 0  # 10.00 of usage, and 10.00 less to the minimum
    assert more.charged[0].total == 40  # 20 + 120 of usage
    assert store.bill("acme", NOVEMBER).total == 140
    assert [each.total for each in store.bills("acme")] == [100, 40]
    store.verify()


def test_what_was_to_pay_in_cash_and_is_taken_back_pays_for_the_next_period(store):
    month(store)
    store.record([event(1, calls=4)])
    bill = store.close("acme", NOVEMBER)

    note = store.adjust("acme", id="n-1", at="2026-11-05", reversal={"calls": 3}, reason="timed out")
    store.record([event(2, time="2026-12-05T00:00:00Z", calls=1)])
    december = store.bill("acme", Period("2026-12-01", "2027-01-01"))

    assert (bill.due, note.total) == (22, Decimal("-1.50"))
    assert (december.total, december.due) == (Decimal("20.50"), 19)
    store.verify()


def test_credit_that_came_after_a_true_up_was_paid_is_lost_by_no_late_usage(store):
    month(store, minimum=100)
    store.record([event(1, calls=20)])
    bill = store.close("acme", NOVEMBER)
    store.grant("acme", Grant("later", 50, "USD"))

    late = store.record([event(2, calls=20)])  # 10 of usage, and 10 less to the minimum

    account = store.account("acme")
    assert (bill.due, late.charged[0].total, late.charged[0].due) == (100, 0, 0)
    assert account.balance.remaining() + account.credit_balance == 50
    store.verify()


def test_what_a_correction_gave_back_to_a_grant_may_be_spent_when_usage_comes_late(store):
    store.agree("acme", CALLS)
    store.grant("acme", Grant("g", 10, "USD"))
    store.record([event(1, calls=20)])
    store.close("acme", NOVEMBER)  # 10 of the grant, 10 in cash
    note = store.adjust("acme", reversal={"calls": 5}, id="note", at="2026-11-05")
    assert (note.total, left(store)) == (-5, 5)  # 5 of the cash pay for the grant now
    store.record([event(2, time="2026-12-05T00:00:00Z", calls=8)])

    late = store.record([event(3, calls=1)])

    assert [(each.total, each.due) for each in late.charged] == [(1, 1)]
    assert [each.total for each in store.bills("acme")] == [20, -5, 1]
    store.verify()


def test_what_an_end_gave_back_to_a_grant_may_be_spent_when_usage_comes_late(store):
    fees = [Fee(100, "base", due="arrears")]
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), cycle=Cycle.monthly(), fees=fees, maximum=100)
    store.agree("acme", plan)
    store.grant("acme", Grant("g", 100, "USD", on="calls"))
    store.record([event(1, calls=100)])
    bill = store.close("acme", NOVEMBER)  # 50 of calls and 50 of the fee are charged
    assert (bill.due, left(store)) == (50, 50)
    store.record([event(2, time="2026-12-05T00:00:00Z", calls=50)])

    late = store.record([event(3, calls=100)])

    # of 200 calls and the fee 66.67 and 33.33 are charged, and the grant has no more for them
    assert [(each.total, each.due) for each in late.charged] == [(0, 0)]
    assert (store.bill("acme", NOVEMBER).due, left(store)) == (50, 0)
    store.verify()


def test_a_closed_bill_verifies_by_itself_though_credit_came_between_its_charges(store):
    store.agree("acme", CALLS)
    store.record([event(1, calls=10)])
    store.grant("acme", Grant("gift", 30, "USD", kind="promotional"))
    store.record([event(2, calls=10)])

    bill = store.close("acme", NOVEMBER)

    # the gift pays the 10 calls that came after it, and not those that were charged before
    assert [line.amount for line in bill.lines] == [20, -10]
    assert (bill.due, bill.closing.balance.left("gift"), left(store)) == (10, 20, 20)
    for one in (bill, *store.bills("acme"), pickle.loads(pickle.dumps(bill))):
        one.verify()
        assert one == bill


def test_a_closed_bill_tells_what_was_due_though_some_of_it_came_back(store):
    store.agree("acme", CALLS)
    store.record([event(1, calls=20)])
    store.adjust("acme", reversal={"calls": 10}, id="note", at="2026-11-05")
    bill = store.close("acme", NOVEMBER)

    assert (bill.total, bill.due, bill.closing.credit_balance) == (10, 20, 10)
    assert store.account("acme").credit_balance == 10
    bill.verify()


def test_what_was_used_before_an_amendment_stands_on_the_bill_at_its_price(store):
    store.agree("acme", CALLS)
    store.record([event(1, calls=10)])
    store.grant("acme", Grant("gift", 30, "USD", kind="promotional"))
    dear = BillingPlan.on_demand(PriceSchedule(calls=2), cycle=Cycle.monthly())
    store.agree("acme", Contract(CALLS).amended("2026-11-16", dear))

    for bill in (store.bill("acme"), store.close("acme", NOVEMBER)):
        assert [line.amount for line in bill.lines if line.amount] == [10]
        bill.verify()


def test_an_amendment_between_usage_and_what_was_withdrawn_tears_nothing_apart(store):
    def at(calls):
        return BillingPlan.on_demand(PriceSchedule(calls=calls), cycle=Cycle.monthly())

    later = Contract(CALLS).amended("2026-11-28", at(3))
    store.agree("acme", later)
    store.record([event(1, calls=10), event(2, time="2026-11-20T00:00:00Z", calls=5)])
    store.adjust("acme", reversal={"calls": 5}, id="note", at="2026-11-20")
    store.agree("acme", later.amended("2026-11-16", at(2)))

    done = store.record([event(i, time=f"2026-11-{i}T00:00:00Z", calls=1) for i in (10, 17, 29)])

    assert [each.total for each in done.charged] == [1, 2, 3]
    assert store.bill("acme").total == store.close("acme").total == 16
    store.verify()


def test_two_periods_are_open_until_each_is_closed_in_any_order(store):
    month(store)
    store.grant("acme", Grant("paid", 100, "USD"))
    times = ["2026-10-05T00:00:00Z", "2026-11-05T00:00:00Z", "2026-10-06T00:00:00Z", "2026-11-06T00:00:00Z"]
    for i, time in enumerate(times):
        store.record([event(i, time=time, calls=10)])

    november, october = store.close("acme", NOVEMBER), store.close("acme", OCTOBER)

    assert (november.total, october.total) == (30, 30)
    assert left(store) == 40
    store.verify()


def test_a_spent_grant_leaves_when_a_period_closes_and_late_usage_still_finds_it(store):
    month(store)
    store.grant("acme", Grant("spent", "21.00", "USD"))
    store.grant("acme", Grant("rest", "5.00", "USD"))
    store.record([event(1, calls=2)])

    store.close("acme", NOVEMBER)

    assert [grant.id for grant in store.balance("acme").grants] == ["spent"]  # "rest" was drawn first
    store.record([event(2, calls=2)])
    assert left(store) == 4
    assert store.grant("acme", Grant("spent", "21.00", "USD")) is False
    assert store.verify().customers == 1


def test_a_plan_without_a_cycle_has_one_period_that_is_closed_at_an_instant(store):
    prepaid(store)
    store.record([event(1, calls=1), event(2, time="2026-12-02T00:00:00Z", calls=2)])

    bill = store.close("acme", at="2026-12-01")
    store.record(
        [event(3, time="2026-11-07T00:00:00Z", calls=3), event(4, time="2026-12-03T00:00:00Z", calls=1)]
    )

    assert bill.total == Decimal("0.50")
    assert store.bill("acme").total == Decimal("1.50")
    assert [each.total for each in store.bills("acme")] == [Decimal("0.50"), Decimal("1.50")]
    assert left(store) == Decimal("1.50")
    assert store.close("acme", at="2026-12-01").total == Decimal("0.50")
    store.verify()


def test_a_period_that_is_none_is_refused_with_the_one_there_is(store):
    month(store)

    with pytest.raises(InvalidPeriod, match="2026-11-01"):
        store.close("acme", Period("2026-11-02", "2026-12-01"))
    with pytest.raises(InvalidPeriod):
        store.close("acme", at="2026-11-15")
    with pytest.raises(InvalidPeriod):
        store.bill("acme")
    with pytest.raises(InvalidPeriod):
        store.bill("acme", "2026-11")
    prepaid(store, customer="globex")
    with pytest.raises(InvalidPeriod, match="at="):
        store.close("globex")
    with pytest.raises(InvalidAccount):
        store.account("nobody")


def test_a_month_with_everything_is_one_bill(store):
    calls = Graduated([Tier(10_000, "0.01"), Tier(None, "0.005")])
    prices = PriceBook(
        [
            ("2026-01-01", PriceSchedule(calls=calls, storage="1.00")),
            ("2026-10-15", PriceSchedule(calls=calls, storage="2.00")),
        ]
    )
    plan = BillingPlan.subscription(
        "40.00",
        prices,
        taxes=[Tax("VAT", 19)],
        discounts=Discount.percent(20, on=("calls", "storage"), ends="2026-10-20"),
    )
    store.agree("acme", plan)
    store.record(
        [
            event(1, time="2026-10-25T00:00:00Z", calls=6000, storage=5),
            event(2, time="2026-10-05T00:00:00Z", calls=6000, storage=10),
        ]
    )

    bill = store.close("acme", OCTOBER)

    # (40 + 60 + 10 − 14 + 50 + 10) × 1.19
    assert bill.total == Decimal("185.64")
    assert [line.amount for line in bill.lines if line.kind == "tax"] == [Decimal("29.64")]
    bill.verify()
    store.verify()


# Terms that change


def test_a_meter_that_is_added_changes_nothing_of_what_is_booked(store):
    prepaid(store)
    store.record([event(1, calls=5)])

    store.agree(
        "acme", BillingPlan.prepaid(PriceSchedule(calls="0.50", gpu_seconds="0.10"), overage="refuse")
    )
    store.record([event(2, gpu_seconds=10)])

    assert left(store) == Decimal("1.50")  # 5.00 − 2.50 − 1.00
    store.verify()


def tokens(*, late=False):
    """From the 16th a token pays 8 calls instead of 10."""
    old, new = (BillingPlan.prepaid(PriceSchedule(calls=PerUnit(1, per=n), currency=TOKEN)) for n in (10, 8))
    return old if late else Contract(old).amended("2026-11-16", new)


CHANGING = [
    event("before", time="2026-11-05T00:00:00Z", calls=40),
    event("after", time="2026-11-17T00:00:00Z", calls=40),
    event("late", time="2026-11-10T00:00:00Z", calls=20),
]


@pytest.mark.parametrize("agreed_after", range(4))
def test_an_amendment_is_right_whenever_it_is_agreed_on(store, agreed_after):
    prepaid(store, 100, plan=tokens(late=True))
    for i, each in enumerate(CHANGING):
        if i == agreed_after:
            store.agree("acme", tokens())
        store.record([each])
    store.agree("acme", tokens())

    assert left(store) == 89  # 100 − 40 ÷ 10 − 40 ÷ 8 − 20 ÷ 10
    assert store.bill("acme").total == 11
    store.verify()


def test_terms_that_would_change_the_past_are_refused_unless_they_restate_it(store):
    month(store)
    store.record([event(1, calls=10)])
    dearer = BillingPlan.subscription("20.00", PriceSchedule(calls="0.60"))

    with pytest.raises(AccountMismatch) as refusal:
        store.agree("acme", dearer)
    assert ("25.00" in str(refusal.value), "26.00" in str(refusal.value)) == (True, True)
    assert "restate=True" in str(refusal.value)
    assert store.bill("acme").total == 25

    store.agree("acme", dearer, restate=True)

    assert store.bill("acme").total == 26
    assert store.record([event(2, calls=10)]).charged[0].total == 6
    store.verify()


def test_terms_of_levels_are_refused_and_seats_are_amended(store):
    def of(seats, **terms):
        return BillingPlan.on_demand(PriceSchedule(calls=1), cycle=Cycle.monthly(), fees=[seats], **terms)

    with pytest.raises(InvalidPlan, match=r"levels.*'seats'.*amend the contract"):
        store.agree("acme", Contract(CALLS).amended("2026-12-01", of(Fee(10, "seat", level="seats"))))
    contract = Contract(of(Fee(30, "3 seats")))
    store.agree("acme", contract)
    store.record([event(1, calls=2)])
    store.agree("acme", contract.amended("2026-11-16", of(Fee(50, "5 seats"))))

    # half of the month each, and a fee that reads usage is no level
    assert store.close("acme", NOVEMBER).total == 15 + 25 + 2
    fee = Fee(PerUnit("0.10").of("calls"), "share", due="arrears")
    store.agree("acme", Contract(CALLS).amended("2027-03-01", of(fee)), restate=True)


@pytest.mark.parametrize("restate", [False, True])
@pytest.mark.parametrize("is_contract", [False, True])
def test_a_price_for_a_label_that_none_looked_at_finds_what_was_used_with_it(store, restate, is_contract):
    dear = BillingPlan.on_demand(PriceSchedule({"calls": 1, "calls{model=big}": 7}), cycle=Cycle.monthly())
    store.agree("acme", CALLS)
    used = [{"calls{model=big}": 2}, {"calls": 10}, {"calls{model=small}": 1}]
    events = [Event("s", str(i), "2026-11-05T10:00:00Z", "acme", each) for i, each in enumerate(used)]
    assert sum(each.total for each in store.record(events).charged) == 13

    # from a day before the month on, or in place of the plan of before
    terms = Contract(CALLS).amended("2026-10-20", dear) if is_contract or not restate else dear
    store.agree("acme", terms, restate=restate)

    assert store.bill("acme").total == 2 * 7 + 11
    # a third version, under which nothing is used
    last = terms if isinstance(terms, Contract) else Contract(terms)
    store.agree("acme", last.amended("2026-11-20", CALLS), restate=restate)
    store.record([Event("s", "3", "2026-11-06T10:00:00Z", "acme", {"calls{model=big}": 1})])
    assert Store(store.engine).close("acme").total == 3 * 7 + 11
    store.verify()


def test_an_upgrade_charges_the_difference_of_its_days(store):
    small, large = (
        BillingPlan.subscription(fee, PriceSchedule(calls="0.01"), cycle=Cycle.monthly()) for fee in (31, 62)
    )
    store.agree("acme", small)
    store.record([event(1, time="2026-03-01T00:00:00Z", calls=0)])
    contract = Contract(small).amended("2026-03-16", large)
    store.agree("acme", contract)

    done = store.record([event(2, time="2026-03-20T00:00:00Z", calls=100)])

    assert done.charged[0].total == 17  # 31 × 16 ÷ 31, and 100 × 0.01
    assert store.close("acme", Period("2026-03-01", "2026-04-01")).total == 48
    store.verify()


def test_versions_that_begin_in_the_two_hours_of_one_name(store):
    one, ten, hundred = (
        BillingPlan.on_demand(PriceSchedule(calls=price), cycle=Cycle.monthly(tz="Europe/Berlin"))
        for price in (1, 10, 100)
    )
    # half past two in Berlin comes at 00:30Z and again at 01:30Z
    contract = Contract(one).amended("2026-10-25T00:30:00Z", ten).amended("2026-10-25T01:30:00Z", hundred)
    store.agree("acme", contract)
    for id, at in enumerate(("00:00", "01:00", "02:00")):
        store.record([event(id, time=f"2026-10-25T{at}:00Z", calls=1)])
    # found out later: the first of them was dearer by then
    earlier = Contract(one).amended("2026-10-24T22:00:00Z", ten).amended("2026-10-25T01:30:00Z", hundred)

    store.verify()
    assert store.bill("acme").total == 111
    store.agree("acme", earlier, restate=True)
    assert store.bill("acme").total == 120
    store.agree("acme", contract, restate=True)
    month = Period("2026-10-01T00:00:00+02:00[Europe/Berlin]", "2026-11-01T00:00:00+01:00[Europe/Berlin]")
    assert store.close("acme", month).total == 111
    store.verify()


def test_a_contract_does_not_end_before_what_is_closed(store):
    contract = Contract(CALLS)
    store.agree("acme", contract)
    store.record([event(1, calls=1)])
    store.close("acme", NOVEMBER)
    for end in ("2026-11-16", "2026-10-01"):
        with pytest.raises(InvalidPeriod, match="2026-12-01T00:00:00Z or later"):
            store.agree("acme", contract.ended(end))

    # where the last closed month ends, the next contract begins
    store.agree("acme", contract.ended("2026-12-01"))
    store.agree("acme", contract.ended("2026-12-01", fees="from_next"))
    store.agree("acme", BillingPlan.on_demand(PriceSchedule(calls=2), cycle=Cycle.weekly()))
    assert store.record([event(2, time="2026-12-01T00:00:00Z", calls=1)]).charged[0].total == 2
    assert [str(period) for period in store.periods("acme")] == ["2026-12-01T00:00:00Z/2026-12-07T00:00:00Z"]
    store.verify()


def test_an_end_and_another_rhythm(store):
    monthly = BillingPlan.subscription(20, PriceSchedule(calls="0.01"), cycle=Cycle.monthly())
    yearly = BillingPlan.subscription(200, PriceSchedule(calls="0.01"), cycle=Cycle.yearly("2026-03-16"))
    store.agree("acme", monthly)
    store.record([event(1, time="2026-03-01T00:00:00Z", calls=0)])
    store.agree("acme", Contract(monthly).ended("2026-03-16"))

    march = store.close("acme", Period("2026-03-01", "2026-04-01"))
    store.agree("acme", yearly)
    year = store.bill("acme", Period("2026-03-16", "2027-03-16"))

    assert march.total == Decimal("9.68")  # 20 × 15 ÷ 31
    assert (year.total, year.due) == (200, Decimal("189.68"))
    store.verify()


def test_a_correction_is_made_once_and_kept_where_the_period_is_closed(store):
    month(store)
    store.record([event(1, calls=10)])

    open_one = store.adjust("acme", id="c-1", at="2026-11-05", reversal={"calls": 4}, reason="a test")
    store.close("acme", NOVEMBER)
    closed_one = store.adjust("acme", {"calls": 2}, id="c-2", at="2026-11-06")
    again = store.adjust("acme", {"calls": 2}, id="c-2", at="2026-11-06")

    assert (open_one.total, open_one.reason) == (-2, "a test")
    assert (closed_one.total, again) == (1, closed_one)
    with pytest.raises(ConflictingEvent):
        store.adjust("acme", {"calls": 3}, id="c-2", at="2026-11-06")
    with pytest.raises(InvalidUsage):
        store.adjust("acme", id="c-3", at="2026-11-06", reversal={"calls": 100})
    assert [each.total for each in store.bills("acme")] == [23, 1]
    store.verify()


# What the database holds


def test_sums_by_sql_are_the_bills_and_no_number_is_a_float(store):
    month(store, taxes=[Tax("VAT", 19)], minimum=50)
    store.record([event(i, calls=i) for i in range(1, 8)])
    store.close("acme", NOVEMBER)
    store.record([event("late", calls=100)])

    with store.engine.connect() as connection:
        charged = connection.exec_driver_sql(
            "SELECT sum(total) FROM (SELECT total FROM tokenbill_events"
            " UNION ALL SELECT total FROM tokenbill_changes)"
        ).scalar()
        billed = connection.exec_driver_sql("SELECT sum(total) FROM tokenbill_bills").scalar()
        tables = [
            name
            for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        kinds = set()
        for name in tables:
            for row in connection.exec_driver_sql(f"SELECT * FROM {name}"):
                kinds |= {type(value) for value in row}

    assert charged == billed == store.bill("acme", NOVEMBER).total * 100
    assert kinds == {int, str}


def test_verify_finds_an_amount_that_was_changed_in_the_database(store):
    prepaid(store)
    store.record([event(1, calls=1)])
    store.verify()

    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tokenbill_events SET total = total + 1")

    with pytest.raises(BillMismatch):
        store.verify()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has no autocommit before Python 3.12")
def test_an_engine_whose_driver_always_has_a_transaction_open_serves_as_well(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'modern.db'}", connect_args={"autocommit": False})
    store = Store(engine)
    store.create()
    prepaid(store)

    done = store.record([event(1, calls=2), event(2, calls=99)])

    assert [len(done.charged), len(done.refused)] == [1, 1]
    assert (left(store), store.verify().events) == (4, 1)
    with engine.connect() as connection:  # and the engine is as it was
        connection.exec_driver_sql("DELETE FROM tokenbill_events")
        connection.rollback()
    assert store.verify().events == 1
    engine.dispose()


def test_another_store_goes_on_where_one_stopped(store):
    prepaid(store, "50.00")
    for i in range(40):
        store.record([event(i, calls=1)])

    other = Store(str(store.engine.url))
    other.record([event("other", calls=1)])
    store.record([event("own", calls=1)])

    assert left(other) == left(store) == 29
    assert isinstance(other.bill("acme"), Bill)
    assert Fraction(other.account("acme").accrued) == 21


def written_of_account(store, customer, batches):
    """Characters of the account that were written for each event, of which twenty come at a time."""
    seen, characters = None, 0
    query = "SELECT snapshot_seq, snapshot FROM tokenbill_customers WHERE customer = ?"
    for batch in range(batches):
        store.record([event(f"{customer}-{batch}-{i}", customer, calls=1) for i in range(20)])
        with store.engine.connect() as connection:
            [(seq, text)] = connection.exec_driver_sql(query, (customer,))
        # what opens the period is written at once, and is no matter of age
        if seen is not None and seq != seen:
            characters += len(text)
        seen = seq
    return Fraction(characters, 20 * batches)


def test_an_event_writes_no_more_of_an_account_with_many_spent_grants(store):
    for customer, spent in (("fresh", 0), ("old", 40)):
        store.agree(customer, PREPAID)
        for i in range(spent):
            store.grant(customer, Grant(f"g{i:02}", "0.50", "USD"))
        store.grant(customer, Grant("last", "5000.00", "USD"))

    written = {customer: written_of_account(store, customer, 30) for customer in ("fresh", "old")}

    # without spent grants 6 or 7; the text of forty is ten times as long, and is not written ten times
    assert 2 < written["fresh"] < 16
    assert 2 < written["old"] < 16
    again = Store(str(store.engine.url))
    assert [left(again, each) for each in written] == [left(store, each) for each in written] == [4700, 4720]


def test_rows_of_a_statement_are_bound_by_name_whatever_the_driver_calls_them():
    rows = [(1, "a"), (2, "b")]
    table = Table("t", MetaData(), Column("id", Integer), Column("what", String(9)))

    marks = Statement(table.insert()).bound_many(sqlite.dialect(), ("id", "what"), rows)
    turned = Statement(table.insert()).bound_many(
        sqlite.dialect(), ("what", "id"), [row[::-1] for row in rows]
    )
    named = Statement(table.insert()).bound_many(postgresql.psycopg.dialect(), ("id", "what"), rows)

    assert marks == ("INSERT INTO t (id, what) VALUES (?, ?)", rows)
    assert turned[1] == [[1, "a"], [2, "b"]]
    assert named[1] == [{"id": 1, "what": "a"}, {"id": 2, "what": "b"}]


def test_a_correction_of_an_open_month_is_known_to_a_process_that_comes_later(store):
    store.agree("open", BillingPlan.on_demand(PriceSchedule(calls=1), cycle=Cycle.monthly()))
    for number in range(3):
        store.record([Event("s", f"open-{number}", "2026-11-05T10:00:00Z", "open", Usage(calls=10))])
    store.adjust("open", id="a", at="2026-11-05T10:00:00Z", reversal={"calls": 4}, reason="timed out")

    later = Store(store.engine)
    later.verify("open")
    assert later.account("open").accrued == 26
    later.record([Event("s", "open-3", "2026-11-05T11:00:00Z", "open", Usage(calls=1))])
    assert store.bill("open", NOVEMBER).total == 27
    store.verify("open")
