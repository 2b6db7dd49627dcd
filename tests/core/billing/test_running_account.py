"""Accounts that run on by sums: event by event they come to what interim bills come to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Grants,
    Period,
    PerUnit,
    PriceSchedule,
    Quota,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
)
from tokenbill.core.billing.account import NEW
from tokenbill.core.billing.running_account import EVENTS, RunningAccount
from tokenbill.core.rating import rate_card
from tokenbill.errors import InvalidNumber, TokenbillError, UnpricedUsage

TOKEN = Currency("TOKEN", places=0)
JUNE = Period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
FIRST = datetime(2026, 6, 1, tzinfo=UTC)
CALLS = PriceSchedule(calls="0.50")
METERS = ["calls", "seconds", "seconds{gpu=H100}", "seconds{gpu=H100,job=7}", "seconds{job=8}", "bytes"]
PRICES = PriceSchedule(
    {
        "calls": PerUnit(1, per=3),
        "seconds": Graduated([Tier(10, "0.05"), Tier(None, "0.011")]),
        "seconds{gpu=H100}": PerUnit("0.7"),
        "bytes": "0.001",
    }
)
PLANS = [
    BillingPlan.prepaid(PRICES, overage="refuse"),
    BillingPlan.prepaid(PRICES, overage="bill"),
    BillingPlan.prepaid(PriceSchedule(PRICES.entries, currency=TOKEN), overage="refuse"),
    BillingPlan.on_demand(PRICES),
    BillingPlan.on_demand(PRICES, taxes=[Tax("VAT", 19)]),
    BillingPlan.prepaid(PRICES, overage="bill", taxes=[Tax("VAT", "8.25")]),
    BillingPlan(PRICES, fees=Fee(5), included={"calls": 7}),
    BillingPlan(PRICES, rounding=Rounding(places=0), discounts=[Discount.percent(33)]),
    BillingPlan(PRICES, minimum=20),
    BillingPlan(PRICES, least_due=3),
    BillingPlan(PRICES, fees=[Fee(4), Fee(7, "later", due="arrears")]),
    BillingPlan.prepaid(PRICES, fees=[Fee(4), Fee(7, "later", due="arrears")]),
    BillingPlan(PRICES, overage="owe"),
    BillingPlan(PRICES, maximum=15),
]
usages = st.dictionaries(
    st.sampled_from(METERS), st.one_of(st.integers(0, 40), st.decimals(0, 9, places=3)), max_size=3
)
events = st.lists(st.tuples(st.integers(0, 60 * 24 * 30), usages), min_size=1, max_size=12)


@st.composite
def credits(draw):
    """Grants paid and given away, some with dates inside the month."""
    found = []
    for i in range(draw(st.integers(0, 3))):
        start, end = draw(st.tuples(st.integers(0, 12), st.integers(13, 40)))
        dates = draw(st.sampled_from([{}, {"starts": start, "expires": end}, {"expires": end}]))
        kind = draw(st.sampled_from(["paid", "promotional"]))
        dates = {name: FIRST + timedelta(days=day) for name, day in dates.items()}
        found.append((f"g{i}", draw(st.sampled_from([1, 20, 300, 1000])), kind, dates))
    return found


def by_bills(plan, account, period, history, *, stored=True):
    """Totals, what is due, and the account, as one interim bill after the other says."""
    told = []
    for at, usage in history:
        if stored:
            account = evolve(account)  # without the sums that its bill left
        try:
            bill = Bill.of(usage, plan, opening=account, period=period, at=at, final=False)
        except TokenbillError as error:
            told.append(error.code)
        else:
            told.append((str(bill.total), str(bill.due)))
            account = bill.closing
    return told, account


def by_sums(plan, account, period, history):
    """The same, on sums wherever they say what an event adds; and how many events they said it of."""
    told, running, ran = [], None, 0
    for at, usage in history:
        running = running or RunningAccount.of(account, plan, period)
        try:
            after = running and running.charged(usage, at)
            if after:
                running, ran = after, ran + 1
                told.append((str(after.total), str(after.due)))
                continue
            if running:
                account, running = running.account(), None
            bill = Bill.of(usage, plan, opening=account, period=period, at=at, final=False)
        except TokenbillError as error:
            told.append(error.code)
        else:
            told.append((str(bill.total), str(bill.due)))
            account = bill.closing
    return told, running.account() if running else account, ran


@given(st.sampled_from(PLANS), credits(), events, st.sampled_from([None, JUNE]))
def test_an_account_that_runs_on_sums_comes_to_what_its_bills_come_to(plan, grants, history, period):
    if any(dates for *_, dates in grants):
        period = JUNE
    balance = [Grant(id, amount, plan.currency, kind=kind, **dates) for id, amount, kind, dates in grants]
    opening = Account(balance=balance)
    history = [(FIRST + timedelta(minutes=when), Usage(used)) for when, used in sorted(history, key=str)]

    told, account = by_bills(plan, opening, period, history)
    again, running, ran = by_sums(plan, opening, period, history)
    event(f"{ran} events ran on sums")

    assert again == told
    assert running == account
    assert by_bills(plan, opening, period, history, stored=False) == (told, account)
    # and both go on alike
    more = [(FIRST + timedelta(days=29), Usage(calls=4))]
    assert by_bills(plan, running, period, more) == by_bills(plan, account, period, more)


def charged(plan, usage=1, account=None, period=None, **first):
    """An account after its first event."""
    return Bill.of(
        Usage(calls=usage), plan, opening=account or Account(), period=period, final=False, **first
    )


@pytest.mark.parametrize(
    ("plan", "grants", "dues"),
    [
        (BillingPlan.on_demand(CALLS), [], ["0.50", "1.00"]),
        (BillingPlan.prepaid(CALLS, overage="refuse"), [Grant("g", 10, "USD")], ["0.00", "0.00"]),
    ],
)
def test_events_run_on_sums(plan, grants, dues):
    running = RunningAccount.of(charged(plan, account=Account(balance=grants)).closing, plan, None)

    one = running.charged(Usage(calls=1), None)
    two = one.charged(Usage(calls=2), None)

    assert [str(each.total) for each in (one, two)] == ["0.50", "1.00"]
    assert [str(each.due) for each in (one, two)] == dues
    # 4 calls at 0.50; the account before its events is as it was
    assert two.account().accrued == Decimal("2.00")
    assert running.account() is running.opening
    assert running.opening.accrued == Decimal("0.50")


def test_an_event_without_a_price_leaves_an_account_as_it_was():
    plan = BillingPlan.on_demand(CALLS)
    running = RunningAccount.of(charged(plan).closing, plan, None)

    with pytest.raises(UnpricedUsage):
        running.charged(Usage(images=1), None)
    with pytest.raises(InvalidNumber):
        running.charged(Usage(calls=10**30 - 1), None)

    assert running.account() == charged(plan).closing


@pytest.mark.parametrize(
    "balance", [Balance([], order="larger"), Balance([Grant("g", 50, "USD")], order="larger")]
)
@pytest.mark.parametrize("terms", [{}, {"fees": [Fee(7, "later", due="arrears")]}, {"minimum": 20}])
def test_an_account_that_runs_on_is_that_of_bills(balance, terms):
    plan = BillingPlan.on_demand(CALLS, **terms)
    first = Bill.of(Usage(calls=1), plan, opening=Account(balance=balance), final=False)
    second = Bill.of(Usage(calls=2), plan, opening=first.closing, final=False)
    running = RunningAccount.of(first.closing, plan, None).charged(Usage(calls=2), None)

    assert (running.total, running.due) == (second.total, second.due)
    assert running.account() == second.closing
    assert (running.account().balance, running.account().accrued) == (second.closing.balance, Decimal("1.50"))


def test_labels_that_no_price_looks_at_are_one_sum():
    plan = BillingPlan.on_demand(CALLS)
    first = charged(plan).closing
    # that calls are one sum from now on is for the account of a bill to note
    assert RunningAccount.of(first, plan, None).charged(Usage({"calls{job=a}": 2}), None) is None

    labelled = Bill.of(Usage({"calls{job=a}": 2}), plan, opening=first, final=False).closing
    running = RunningAccount.of(labelled, plan, None).charged(Usage({"calls{job=b}": 2}), None)
    account = running.charged(Usage(calls=1), None).account()

    assert (account.used, account.idle_labels) == ({"calls": 6}, ("calls",))


def test_a_label_on_each_event_does_not_make_an_account_longer_and_longer():
    plan = BillingPlan.on_demand(CALLS)
    running = RunningAccount.of(Bill.of(Usage({"calls{job=0}": 1}), plan, final=False).closing, plan, None)

    longest = 0
    for job in range(1, 200):
        running = running.charged(Usage({f"calls{{job={job}}}": 1}), None)
        longest = max(longest, len(running.used))

    assert longest <= EVENTS + 1
    assert running.account().used == {"calls": 200}


def opened(plan, period=None, account=None, **told):
    account = account or Account()
    bill = Bill.of(Usage(calls=1), plan, opening=account, period=period, at=FIRST, final=False, **told)
    return bill.closing


def test_what_looks_at_more_than_sums_is_billed():
    plan, credit = BillingPlan.on_demand(CALLS), BillingPlan.prepaid(CALLS)
    paid = Account(balance=[Grant("g", 5, "USD")])
    monthly = Grants.every(Cycle.monthly(), 5)

    assert RunningAccount.of(opened(plan), plan, None) is not None
    assert RunningAccount.of(opened(credit, account=paid), credit, None) is not None
    for terms, account, period in [
        (Contract(plan), opened(plan), None),
        # other terms, another period, an account that was read, and one of which no sums are known
        (BillingPlan.on_demand(PriceSchedule(calls="0.60")), opened(plan), None),
        (plan, opened(plan), JUNE),
        (plan, evolve(opened(plan)), None),
        (plan, NEW, None),
        # terms that look at the time of an event, at levels, at windows, or at what is due in all
        (late := BillingPlan(CALLS, fees=Fee(5, starts="2026-06-10")), opened(late, JUNE), JUNE),
        (
            seats := BillingPlan(CALLS, fees=Fee(5, level="seats")),
            opened(seats, JUNE, levels={"seats": 2}),
            JUNE,
        ),
        (few := BillingPlan(CALLS, quotas=[Quota("calls", 100, every="1d")]), opened(few), None),
        (least := BillingPlan(CALLS, least_due="0.40"), opened(least), None),
        # credit that comes again each month
        (credit, opened(credit, JUNE, Account(balance=[monthly])), JUNE),
    ]:
        assert RunningAccount.of(account, terms, period) is None, terms


def test_a_card_that_labels_filled_takes_no_more_events(monkeypatch):
    monkeypatch.setattr(rate_card, "METERS", 4)
    plan = BillingPlan.on_demand(CALLS)
    opening = Bill.of(Usage({"calls{job=0}": 1}), plan, final=False).closing
    running = RunningAccount.of(opening, plan, None)

    for job in range(1, 4):
        after = running.charged(Usage({f"calls{{job={job}}}": 2}), None)
        running = after or running

    assert after is None
    assert running.account().used == {"calls": 5}


def test_a_period_that_comes_to_less_is_for_a_bill_to_say():
    prices = PriceSchedule(calls=Volume([Tier(10, 1), Tier(None, "0.50")]))
    plan = BillingPlan.on_demand(prices)
    running = RunningAccount.of(Bill.of(Usage(calls=9), plan, final=False).closing, plan, None)

    # 9 at 1.00 are 9.00, 12 at 0.50 are 6.00
    assert running.charged(Usage(calls=3), None) is None
    assert running.charged(Usage(calls=1), None).total == 1


def test_credit_that_runs_out_is_for_a_bill_to_say():
    plan = BillingPlan.prepaid(CALLS, overage="refuse")
    running = RunningAccount.of(
        charged(plan, account=Account(balance=[Grant("g", 2, "USD")])).closing, plan, None
    )

    # 1.00 of 1.50 leaves room; all of it, and more, a bill has to say
    assert running.charged(Usage(calls=2), None).total == 1
    assert running.charged(Usage(calls=3), None) is None
    assert running.charged(Usage(calls=4), None) is None


def test_credit_that_has_ended_is_for_a_bill_to_say():
    plan = BillingPlan.prepaid(CALLS)
    balance = [Grant("g", 9, "USD", expires=FIRST + timedelta(days=2)), Grant("h", 9, "USD")]
    running = RunningAccount.of(opened(plan, JUNE, Account(balance=balance)), plan, JUNE)

    within, behind = FIRST + timedelta(days=1), FIRST + timedelta(days=2)

    assert running.charged(Usage(calls=2), within).due == 0
    assert running.charged(Usage(calls=2), behind) is None
    # 0.50 and 1.00 of the grant that ends, at the moment of the event
    account = running.charged(Usage(calls=2), within).account()
    assert (account.billed_at, dict(account.draws)) == (within, {"g": Decimal("1.50")})


def test_an_event_without_a_time_keeps_that_of_the_one_before():
    plan = BillingPlan.on_demand(CALLS)
    opening = Bill.of(Usage(calls=1), plan, final=False).closing
    running, account = RunningAccount.of(opening, plan, None), opening
    for usage, at in ((Usage(calls=2), FIRST), (Usage(calls=3), None)):
        running = running.charged(usage, at)
        account = Bill.of(usage, plan, opening=account, final=False, at=at).closing

    assert running.account() == account
    assert account.billed_at == FIRST


def test_credit_of_less_than_one_is_for_a_bill_to_draw_on():
    plan, opening = BillingPlan.on_demand(CALLS), Account(credit_balance="0.50", credit_currency="USD")
    account = Bill.of(Usage(), plan, opening=opening, final=False).closing
    assert account.credit_balance == Decimal("0.50")
    assert RunningAccount.of(account, plan, None) is None
    assert Bill.of(Usage(calls=2), plan, opening=account).due == Decimal("0.50")
