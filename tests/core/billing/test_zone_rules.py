"""Months that are open while the rules of their zone change: the same text means the same boundary."""

from decimal import Decimal

import pytest

from tests.support.zone_rules import VANCOUVER, zones_of_two_years
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Commitment,
    Contract,
    Cycle,
    Grant,
    Period,
    PriceSchedule,
    focus,
    serial,
)
from tokenbill.errors import AccountMismatch, InvalidPeriod
from tokenbill.watch import status


@pytest.fixture
def rules(tmp_path):
    with zones_of_two_years(tmp_path) as under:
        yield under


MONTHS, YEARS = Cycle.monthly(tz=VANCOUVER), Cycle.yearly("2026-11-01", tz=VANCOUVER)


def plan_of(**terms):
    return BillingPlan.subscription(
        99, PriceSchedule(calls="0.10"), cycle=MONTHS, included={"calls": 100}, **terms
    )


def month(number):
    return MONTHS.containing(f"2026-{number}-16T00:00:00Z")


BOTH_WAYS = pytest.mark.parametrize(("before", "after"), [(2025, 2026), (2026, 2025)])
WHOSE = pytest.mark.parametrize("whose", ["the cycle's", "its own"])


@BOTH_WAYS
@WHOSE
@pytest.mark.parametrize("number", [11, 12])  # the month that ends in another offset, and the one that begins
@pytest.mark.parametrize("is_amended", [False, True])
def test_an_open_account_goes_on(rules, before, after, whose, number, is_amended):
    days = [f"2026-{number}-{day}T12:00:00Z" for day in (10, 20, 25)]
    with rules(before):
        terms = plan_of()
        if is_amended:
            terms = Contract(terms).amended(f"2026-{number}-13", plan_of(minimum=20))
        first = Bill.of({days[0]: {"calls": 60}}, terms, period=month(number), at=days[0], final=False)
        texts = [serial.dumps(value) for value in (terms, first.closing)]
    with rules(after):
        terms, account = map(serial.loads, texts)
        assert serial.dumps(account) == texts[1]  # as it was written
        period = month(number) if whose == "the cycle's" else account.period

        second = Bill.of(
            {days[1]: {"calls": 60}}, terms, period=period, opening=account, at=days[1], final=False
        )
        last = Bill.of({}, terms, period=period, opening=serial.loads(serial.dumps(second.closing)))

        assert [str(bill.total) for bill in (first, second, last)] == ["99.00", "2.00", "0.00"]
        for bill in (second, last):
            bill.verify()
            assert bill.explain()
        assert (
            sum(row["BilledCost"] for row in focus.rows([second, last], issuer="Acme", account_id="acme"))
            == 2
        )


@BOTH_WAYS
@WHOSE
@pytest.mark.parametrize("at", ["2026-12-13", "2026-12-13T08:00:00Z"], ids=["day", "instant"])
@pytest.mark.parametrize("cycle", [MONTHS, YEARS], ids=["month", "year whose ends stay"])
def test_an_account_that_was_billed_under_two_versions_goes_on(rules, before, after, whose, at, cycle):
    cheap, dear = (BillingPlan.subscription(99, PriceSchedule(calls=rate), cycle=cycle) for rate in (1, 2))
    begins, used, later = "2026-12-05T12:00:00Z", "2026-12-20T12:00:00Z", "2026-12-25T12:00:00Z"
    with rules(before):
        terms, usage = Contract(cheap).amended(at, dear), {begins: {"calls": 20}, used: {"calls": 40}}
        first = Bill.of(usage, terms, period=cycle.containing(begins), at=used, final=False)
        texts = [serial.dumps(value) for value in (terms, first.closing)]
    with rules(after):
        terms, account = map(serial.loads, texts)
        period = cycle.containing(begins) if whose == "the cycle's" else account.period
        second = Bill.of({later: {"calls": 3}}, terms, period=period, opening=account, at=later, final=False)
        last = Bill.of({}, terms, period=period, opening=serial.loads(serial.dumps(second.closing)))

        # 99 + 20 x 1 + 40 x 2, then 3 x 2, though the midnight of the 13th is another instant today
        assert [bill.total for bill in (first, second, last)] == [199, 6, 0]
        for bill in (second, last):
            bill.verify()


@BOTH_WAYS
@WHOSE
def test_the_plan_of_the_next_month_does_not_begin_in_an_hour_of_this_one(rules, before, after, whose):
    with rules(before):
        text = serial.dumps(Bill.of({"calls": 60}, plan_of(), period=month(12), final=False).closing)
    with rules(after):
        account, prices = serial.loads(text), PriceSchedule({"calls": 1}, currency="EUR")
        # on the first of a month everything may change, its currency too
        terms = Contract(plan_of()).amended("2027-01-01", BillingPlan.subscription(5, prices, cycle=MONTHS))
        period = month(12) if whose == "the cycle's" else account.period
        assert len(terms.versions(period)) == 1
        bill = Bill.of({"calls": 60}, terms, period=period, opening=account)
        assert bill.total == 2
        bill.verify()
        january = MONTHS.containing("2027-01-16T00:00:00Z")
        assert Bill.of({}, terms, period=january, opening=bill.closing).total == 5


@BOTH_WAYS
def test_a_first_month_that_began_on_the_13th_owes_its_19_days(rules, before, after):
    with rules(before):
        part = Period(
            *(
                f"{day}T00:00:00-0{8 if before == 2025 else 7}:00[{VANCOUVER}]"
                for day in ("2026-12-13", "2027-01-01")
            )
        )
        first = Bill.of({"calls": 60}, plan_of(), period=part, final=False)
        texts = [serial.dumps(value) for value in (first, first.closing)]
    with rules(after):
        bill, account = map(serial.loads, texts)
        # 99 x 19 / 31 = 60.677…, then 20 calls beyond the 100 at 0.10
        assert bill.total == Decimal("60.68")
        bill.verify()
        last = Bill.of({"calls": 60}, plan_of(), period=account.period, opening=account)
        assert last.total == 2
        last.verify()


@BOTH_WAYS
@WHOSE
@pytest.mark.parametrize("number", [11, 12])
def test_a_closed_bill_is_exported_and_corrected_as_it_was_made(rules, before, after, whose, number):
    with rules(before):
        text = serial.dumps(Bill.of({"calls": 120}, plan_of(), period=month(number)))
        written = str(month(number))
    with rules(after):
        bill = serial.loads(text)
        bill.verify()
        assert str(bill.period) == written

        period = month(number) if whose == "the cycle's" else bill.period
        note = Bill.of({"calls": 150}, bill.plan, period=period, opening=bill.opening) - bill

        assert str(note.total) == "3.00"
        rows = focus.rows([bill, note], issuer="Acme", account_id="acme")
        assert sum(row["BilledCost"] for row in rows) == Decimal("104.00")
        assert serial.dumps(bill) == text


@BOTH_WAYS
def test_what_was_met_of_a_commitment_stays_met(rules, before, after):
    term = Commitment(1200, cycle=Cycle.quarterly("2026-12-01", tz=VANCOUVER), overage=2)
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), cycle=MONTHS, commitment=term)
    months = [f"{month}-16T00:00:00Z" for month in ("2026-12", "2027-01", "2027-02")]
    with rules(before):
        first = Bill.of({"calls": 900}, plan, period=MONTHS.containing(months[0]))
        text = serial.dumps(first.closing)
    with rules(after):
        second = Bill.of(
            {"calls": 100}, plan, period=MONTHS.containing(months[1]), opening=serial.loads(text)
        )
        [met] = second.closing.commitments
        last = Bill.of({"calls": 300}, plan, period=MONTHS.containing(months[2]), opening=second.closing)

        # 900 + 100 of 1,200 are met, so that 100 of the last 300 are beyond, at twice the price
        assert (second.total, met.amount, last.total) == (100, 1000, 400)


@BOTH_WAYS
def test_a_draw_limit_counts_what_was_drawn_in_its_month(rules, before, after):
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), cycle=MONTHS)
    with rules(before):
        opening = Account(balance=[Grant("g", 100, "USD", most=("7.50", MONTHS))])
        at = "2026-12-20T12:00:00Z"
        first = Bill.of({"calls": 7}, plan, period=month(12), opening=opening, at=at, final=False)
        text = serial.dumps(first.closing)
    with rules(after):
        account, at = serial.loads(text), "2026-12-21T12:00:00Z"
        second = Bill.of({"calls": 7}, plan, period=month(12), opening=account, at=at, final=False)
        again = Bill.of({"calls": 7}, plan, period=month(12), opening=second.closing, at=at, final=False)

        # 0.50 of the 7.50 is left of December
        assert [str(bill.due) for bill in (first, second, again)] == ["0.00", "6.50", "7.00"]
        assert len(again.closing.windows) == 1


@BOTH_WAYS
def test_holds_covers_and_a_status_know_the_month(rules, before, after):
    at = "2026-11-20T12:00:00Z"
    with rules(before):
        plan = BillingPlan.prepaid(
            PriceSchedule(calls=1), overage="refuse", cycle=Cycle.monthly(tz=VANCOUVER)
        )
        opening = Account(balance=[Grant("g", 10, "USD")])
        first = Bill.of({"calls": 4}, plan, period=month(11), opening=opening, final=False)
        text = serial.dumps(first.closing)
    with rules(after):
        account, period = serial.loads(text), month(11)

        assert account.covers({"calls": 6}, plan, at=at, period=period)
        assert not account.covers({"calls": 7}, plan, at=at, period=period)
        held = account.hold("h", {"calls": 5}, plan, at=at, period=period)
        last = Bill.of({"calls": 5}, plan, opening=held, period=period, at=at, settles="h", final=False)
        assert last.closing.balance.left("g") == 1
        assert all(status(account, plan, at=at, **asked).spent == 4 for asked in ({}, {"period": period}))


def test_another_period_is_still_another(rules):
    with rules(2025):
        text = serial.dumps(Bill.of({}, plan_of(), period=month(11), final=False).closing)
    odd = [
        f"2026-11-{day}-0{hours}:00[{VANCOUVER}]" for day, hours in (("01T00:00:00", 7), ("30T00:00:00", 8))
    ]
    with rules(2026):
        account = serial.loads(text)
        for period in (month(12), month(10), Period(*odd)):
            with pytest.raises((AccountMismatch, InvalidPeriod)):
                Bill.of({}, plan_of(), period=period, opening=account)
        without_cycle = BillingPlan.on_demand(PriceSchedule(calls=1))
        with pytest.raises(AccountMismatch):
            Bill.of({}, without_cycle, period=month(11), opening=account)
        bills = [Bill.of({}, without_cycle, period=period) for period in (account.period, month(11))]
        with pytest.raises(InvalidPeriod, match="two periods"):
            bills[0] - bills[1]
