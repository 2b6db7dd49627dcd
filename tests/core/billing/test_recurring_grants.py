"""Grants that come anew in each period of a cycle, over the bills of an account."""

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Grant,
    Grants,
    Period,
    PriceSchedule,
    Tax,
    Usage,
)
from tokenbill.core.billing.lives import with_lives
from tokenbill.core.credits.recurring import recurring_of
from tokenbill.errors import InvalidGrant, InvalidPlan
from tokenbill.serial import dumps, loads

PLAN = BillingPlan.prepaid(PriceSchedule(calls=1))
JUNE = Period("2026-06-01", "2026-07-01")
DAILY = Grants.every(Cycle.daily(), 50, life="1d")
STORED = pytest.mark.parametrize(
    "kept", [lambda it: it, evolve, lambda it: loads(dumps(it))], ids=["same", "evolved", "stored"]
)


def having(*grants):
    return Account(balance=[DAILY, Grant("month", 1000, "USD"), *grants])


def billed(calls, opening, at, terms=PLAN, **how):
    return Bill.of(Usage(calls=calls), terms, period=JUNE, opening=opening, at=at, **{"final": False, **how})


def left(account):
    return {grant.id: account.balance.left(grant.id) for grant in account.balance.grants}


@STORED
@pytest.mark.parametrize("terms", [PLAN, Contract(PLAN).amended("2026-06-02", evolve(PLAN))])
@pytest.mark.parametrize("parts", [1, 7])
def test_what_a_day_gives_is_gone_at_midnight(kept, terms, parts):
    # 50 a day beside 1,000 a month: on a day of 70, 20 come from the month
    account = having()
    for day, calls in (("2026-06-01", 70), ("2026-06-02", 30), ("2026-06-03", 70)):
        for part in [calls // parts] * (parts - 1) + [calls - calls // parts * (parts - 1)]:
            bill = billed(part, kept(account), day, terms)
            account = bill.closing
    assert left(account)["month"] == 960
    assert left(account)["recurring 2026-06-03"] == 0
    bill.verify()
    # one number for each life that is open, and one for all that are over
    assert sorted(left(account)) == ["month", "recurring", "recurring 2026-06-03"]
    assert account.balance.expired("2026-06-04") == 20


@STORED
def test_lives_that_are_over_leave_when_the_period_closes(kept):
    account = kept(billed(70, having(), "2026-06-30").closing)
    closing = kept(Bill.of(Usage(calls=5), PLAN, period=JUNE, opening=account).closing)
    assert left(closing) == {"month": 975}
    july = Period("2026-07-01", "2026-08-01")
    bill = Bill.of(Usage(calls=60), PLAN, period=july, opening=closing, at="2026-07-01", final=False)
    assert dict(bill.draws) == {"recurring 2026-07-01": 50, "month": 10}


def test_none_is_given_twice_whenever_one_looks():
    account = billed(50, having(), "2026-06-05").closing
    late = billed(10, account, "2026-06-03").closing
    # what began before the last bill was made by then, or never was
    assert left(late)["month"] == 990
    assert with_lives(late, "2026-06-05", JUNE) is late
    assert with_lives(Account(balance=[DAILY]), None, None).balance.grants == ()


@STORED
def test_what_is_withdrawn_goes_back_to_a_day_that_is_over_and_is_gone(kept):
    account = kept(billed(70, having(), "2026-06-01").closing)
    account = kept(billed(10, account, "2026-06-02").closing)
    account = billed(0, account, "2026-06-02", reversal=Usage(calls=30)).closing
    # 50 are left of 80: the days pay them all, and the month has its 20 again
    assert left(account)["month"] == 1000


@STORED
def test_holds_and_covers_know_of_the_day(kept):
    account = kept(Account(balance=[DAILY]))
    assert account.covers(Usage(calls=50), PLAN, at="2026-06-01", period=JUNE)
    assert not account.covers(Usage(calls=51), PLAN, at="2026-06-01", period=JUNE)
    held = kept(account.hold("h1", Usage(calls=40), PLAN, at="2026-06-01", period=JUNE))
    assert not held.covers(Usage(calls=11), PLAN, at="2026-06-01", period=JUNE)
    assert billed(40, held, "2026-06-01", settles="h1").closing.balance.remaining("2026-06-01") == 10
    by_amount = account.hold("h2", amount=50, at="2026-06-01", period=JUNE, currency="USD")
    assert by_amount.balance.held("2026-06-01") == 50


def test_midnight_is_that_of_the_zone():
    shanghai = Grants.every(Cycle.daily(tz="Asia/Shanghai"), 5, currency="USD")
    (grant,) = shanghai.open_at("2026-06-01T16:30:00Z")
    assert (grant.starts.isoformat(), grant.expires.isoformat()) == (
        "2026-06-01T16:00:00+00:00",
        "2026-06-02T16:00:00+00:00",
    )
    assert [str(it.expires) for it in shanghai.open_at("2026-06-02")] == ["2026-06-03"]
    # a day of 23 hours: Berlin, 29 March 2026
    berlin = Grants.every(Cycle.daily(tz="Europe/Berlin"), 5, life="1d")
    (grant,) = berlin.open_at("2026-03-29T12:00:00Z")
    assert (grant.expires - grant.starts).total_seconds() == 23 * 3600


def test_lives_may_be_longer_or_shorter_than_the_cycle():
    monthly = Grants.every(Cycle.monthly(), 10, life="45d")
    assert [it.id for it in monthly.open_at("2026-06-10")] == ["recurring 2026-06-01", "recurring 2026-05-01"]
    assert [it.id for it in monthly.open_at("2026-06-20")] == ["recurring 2026-06-01"]
    hours = Grants.every(Cycle.daily(), 10, life="12h")
    assert list(hours.open_at("2026-06-10T12:00:00Z")) == []
    assert [it.amount for it in hours.open_at("2026-06-10T11:59:59Z")] == [10]
    with pytest.raises(InvalidGrant, match="a life of hours from a date on"):
        list(hours.open_at("2026-06-10"))
    noon = Grants.every(Cycle.daily("2026-01-01T12:00:00"), 10)
    assert [it.id for it in noon.open_at("2026-06-10T13:00:00Z")] == ["recurring 2026-06-10T12:00:00Z"]


@pytest.mark.parametrize(
    ("prorated", "amounts"),
    [("none", (30, 30)), ("first", (15, 30)), ("last", (30, 10)), ("both", (15, 10))],
)
def test_a_part_of_a_period_grants_a_part_where_it_is_said(prorated, amounts):
    # June from the 16th on: 15 of 30 days; September up to the 11th: 10 of 30
    grants = Grants.every(
        Cycle.monthly(), 30, prorated=prorated, starts="2026-06-16", ends="2026-09-11", kind="paid"
    )
    june, september = [next(grants.open_at(day)) for day in ("2026-06-20", "2026-09-05")]
    assert (june.amount, september.amount) == amounts
    assert (june.cost, june.kind, str(june.starts)) == (0, "paid", "2026-06-16")
    assert [it.amount for it in grants.open_at("2026-07-05")] == [30]
    for day in ("2026-06-15", "2026-05-01", "2026-09-11", "2026-12-01"):
        assert list(grants.open_at(day)) == []
    at_instants = evolve(grants, starts="2026-06-16T00:00:00Z", ends="2026-09-11T00:00:00Z")
    assert next(at_instants.open_at("2026-06-20")).amount == amounts[0]
    assert next(grants.open_at("2026-06-20T00:00:00Z")).amount == amounts[0]


def test_a_gift_of_the_day_lowers_the_tax():
    bill = billed(60, having(), "2026-06-01", evolve(PLAN, taxes=[Tax("VAT", 10)]))
    assert bill.total == 11


def test_parts_are_checked():
    with pytest.raises(InvalidGrant, match="not a cycle of grants"):
        Grants.every("daily", 50)
    with pytest.raises(InvalidPlan, match="not a window of time"):
        Grants.every(Cycle.daily(), 50, life="soon")
    with pytest.raises(InvalidGrant, match="unknown proration"):
        Grants.every(Cycle.daily(), 50, prorated="maybe")
    with pytest.raises(InvalidGrant, match="too many grants open at once"):
        list(Grants.every(Cycle.daily(), 50, life="2000d").open_at("2026-06-01"))
    with pytest.raises(InvalidGrant, match="recurring grants given twice"):
        Balance([DAILY, DAILY])
    for wrong in (5, [5]):
        with pytest.raises(InvalidGrant, match="not recurring grants"):
            recurring_of(wrong)
    assert Balance(DAILY).recurring == Balance(recurring=DAILY).recurring == (DAILY,)
    assert loads(dumps(Balance([DAILY]))) == Balance([DAILY])


def test_a_priority_of_recurring_grants_is_whole_as_that_of_a_grant():
    with pytest.raises(InvalidGrant):
        Grants.every(Cycle.daily(), 50, priority="1.5")
    assert Grants.every(Cycle.daily(), 50, priority="2").priority == 2


def test_nothing_is_granted_from_the_end_on_though_a_period_begins_there():
    grants = Grants.every(Cycle.monthly(), 30, ends="2026-03-01")

    assert [it.id for it in grants.open_at("2026-02-28")] == ["recurring 2026-02-01"]
    assert list(grants.open_at("2026-03-01")) == []
    longer = Grants.every(Cycle.monthly(), 30, ends="2026-03-01", life="45d")
    assert [it.id for it in longer.open_at("2026-03-01")] == ["recurring 2026-02-01"]


@STORED
def test_a_grant_that_ended_in_the_period_stays_for_one_more_beside_lives_that_do_not(kept):
    opening = kept(having(Grant("gone", 30, "USD", expires="2026-06-10")))
    account = kept(billed(5, opening, "2026-06-30").closing)
    closing = kept(Bill.of(Usage(), PLAN, period=JUNE, opening=account).closing)

    assert left(closing) == {"month": 1000, "gone": 30}  # so that July can say what was lost
    assert closing.balance.expired("2026-07-01") == 30


def test_what_is_over_is_told_until_the_last_life_ended():
    # lives of two days: those of the 31st and of the 1st are over at once on the 10th, the later on the 3rd
    account = Account(balance=[Grants.every(Cycle.daily(), 50, life="2d"), Grant("month", 1000, "USD")])
    account = billed(10, billed(70, account, "2026-06-01").closing, "2026-06-10").closing
    ends = {grant.id: grant.expires for grant in account.balance.grants}
    assert str(ends["recurring"])[:10] == "2026-06-03"
    assert account.balance.left("month") == 1000


def test_a_bill_of_a_whole_period_draws_at_its_very_last_moment():
    # an allotment that begins a microsecond before the end is the one that is open then
    bounds = ["2026-06-01T00:00:00Z", "2026-06-30T23:59:59.999999Z", "2026-08-01T00:00:00Z"]
    grants = Grants.every(Cycle.listed(bounds), 50)
    june = Period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
    bill = Bill.of(Usage(calls=5), PLAN, period=june, opening=Account(balance=[grants]))
    assert [id for id, _ in bill.draws] == ["recurring 2026-06-30T23:59:59.999999Z"]
